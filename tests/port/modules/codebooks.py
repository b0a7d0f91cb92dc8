"""A codebook whose method has a name of Keras, masked norms, edges torn apart, and layers called on one vector."""

import torch
from torch import nn


class Codebook(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        self.register_buffer("embed", torch.randn(size, width))
        self.eval()

    def quantize(self, x):
        distance = -(x.pow(2).sum(1, keepdim=True) - 2 * x @ self.embed.t() + self.embed.t().pow(2).sum(0, keepdim=True))
        return distance.max(dim=-1).indices

    def encode(self, x):
        shape = x.shape
        found = self.quantize(x.reshape((-1, shape[-1])))
        return found.view(*shape[:-1])

    def forward(self, x):
        return self.embed[self.encode(x)]


class Edges(nn.Module):
    def __init__(self, bins):
        super().__init__()
        self.bins = bins
        self.project = nn.Parameter(torch.linspace(-1, 1, bins + 1), requires_grad=False)

    def forward(self, edges):
        batch, queries, _ = edges.shape
        edges = torch.softmax(edges.reshape(-1, self.bins + 1), dim=1)
        edges = nn.functional.linear(edges, self.project).reshape(-1, 4)
        return edges.reshape(batch, queries, -1)


class MaskedNorm(nn.GroupNorm):
    def forward(self, x, mask=None):
        if mask is None:
            return super().forward(x)
        batch, width, length = x.shape
        shape = (batch, -1, width // self.num_groups, length)
        grouped = x.view(shape)
        there = mask.reshape(shape).bool()
        mean = torch.masked.mean(grouped, mask=there, dim=(2, 3), keepdim=True)
        var = torch.masked.var(grouped, mask=there, dim=(2, 3), keepdim=True, unbiased=False)
        x = ((grouped - mean) / torch.sqrt(var + self.eps)).view(x.shape)
        if self.affine:
            x = x * self.weight.unsqueeze(-1) + self.bias.unsqueeze(-1)
        return x * mask


class Offsets(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("start", torch.tensor([1, 2], dtype=int), persistent=False)

    def forward(self, x):
        lower = torch.tril(torch.ones((x.shape[-1], x.shape[-1]), dtype=bool))
        steps = torch.zeros(2, dtype=float) + self.start
        return x.masked_fill(~lower[0], 0.5) * steps.sum().to(x.dtype)


class Stages(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList()
        for width in (8, 6):
            stage = nn.Module()
            stage.block = nn.ModuleList([nn.Linear(width, width), nn.Linear(width, 6)])
            if width == 8:
                stage.downsample = nn.Linear(6, 6)
            self.down.append(stage)
        self.mid = nn.Module()
        self.mid.block_1 = nn.Linear(6, 8)

    def forward(self, x):
        for i in range(2):
            for j in range(2):
                x = torch.tanh(self.down[i].block[j](x))
            if i == 0:
                x = self.down[i].downsample(x)
        return self.mid.block_1(x)


class Codebooks(nn.Module):
    def __init__(self):
        super().__init__()
        self.quantize = Codebook(5, 8)
        self.edges = Edges(4)
        self.norm = MaskedNorm(2, 8)
        self.offsets = Offsets()
        self.stages = Stages()
        self.start = nn.Parameter(torch.randn(8))
        self.proj = nn.Linear(8, 8)
        self.mix = nn.Conv1d(8, 8, 3, padding=1)
        self.noise = torch.Generator().manual_seed(0)
        self.eval()

    def embed(self, latents):
        return self.proj(latents)

    def forward(self, x, edges):
        found = self.quantize(x) + self.embed(self.offsets(self.stages(x)))
        mask = (x > 0).transpose(1, 2)
        found = found + self.norm(found.transpose(1, 2), mask).transpose(1, 2)
        found = found + self.embed(self.start) + self.proj(self.start * 2) + self.mix(x[0].t()).t()
        if self.training:
            found = found + torch.randn(found.shape, generator=self.noise)
        return found, self.edges(edges)
