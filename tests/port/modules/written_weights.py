"""Weights and buffers that a model writes to while it runs: a masked kernel, a moving copy, clamped weights."""

import torch
from torch import nn


class MaskedConv2d(nn.Conv2d):
    def __init__(self, kind, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.register_buffer("mask", self.weight.data.clone())
        _, _, height, width = self.weight.size()
        self.mask.fill_(1)
        self.mask[:, :, height // 2, width // 2 + (kind == "B") :] = 0
        self.mask[:, :, height // 2 + 1 :] = 0

    def forward(self, x):
        self.weight.data *= self.mask
        return super(MaskedConv2d, self).forward(x)


class Clamped(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.gain = nn.Parameter(torch.ones(width))
        self.register_buffer("offset", torch.arange(float(width)))
        self.offset = self.offset / width

    def forward(self, x):
        self.dense.weight.data = self.dense.weight.data.clamp(-0.1, 0.1)
        self.dense.bias.data.mul_(0.5).clamp_(max=0.05)
        self.gain.data.add_(0.25)
        with torch.no_grad():
            self.gain[0] = 3.0
        y = x * 1.0
        y.data = y.data + 1
        y.data *= 2
        return self.dense(y) * self.gain + self.offset


class WrittenWeights(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.masked = MaskedConv2d("A", 3, width, 5, 1, 2, bias=False)
        self.clamped = Clamped(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        for of_query, of_key in zip(self.query.parameters(), self.key.parameters()):
            of_key.data.copy_(of_query.data)
            of_key.requires_grad = False

    @torch.no_grad()
    def move(self):
        for of_query, of_key in zip(self.query.parameters(), self.key.parameters()):
            of_key.data = of_key.data * 0.9 + of_query.data * 0.1
            of_key.data.mul_(0.5).add_(of_query.data, alpha=0.5)

    def forward(self, x):
        x = self.masked(x).mean((2, 3))
        self.move()
        return self.clamped(x) + self.key(x)
