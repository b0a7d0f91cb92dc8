"""Layers that are made once and copied, and blocks that call whatever they are given: a layer or a function."""

import copy

import torch
from torch import nn


def clones(module, count):
    return nn.ModuleList([copy.deepcopy(module) for _ in range(count)])


class Attention(nn.Module):
    def __init__(self, heads, width, dropout=0.1):
        super().__init__()
        self.heads = heads
        self.linears = clones(nn.Linear(width, width), 4)
        self.attention = None
        self.dropout = nn.Dropout(dropout)

    def forward(self, query, key, value, mask=None):
        batch = query.size(0)
        query, key, value = [
            linear(x).view(batch, -1, self.heads, x.size(-1) // self.heads).transpose(1, 2)
            for linear, x in zip(self.linears, (query, key, value))
        ]
        scores = query @ key.transpose(-2, -1) / query.size(-1) ** 0.5
        if mask is not None:
            scores = scores.masked_fill(mask == 0, -1e9)
        self.attention = scores.softmax(-1)
        x = self.dropout(self.attention) @ value
        return self.linears[-1](x.transpose(1, 2).contiguous().view(batch, -1, x.size(1) * x.size(3)))


class Around(nn.Module):
    def __init__(self, width, dropout=0.1):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, inner):
        return x + self.dropout(inner(self.norm(x)))


class Layer(nn.Module):
    def __init__(self, width, attention, dense):
        super().__init__()
        self.attention, self.dense = attention, dense
        self.around = clones(Around(width), 2)

    def forward(self, x, mask):
        x = self.around[0](x, lambda x: self.attention(x, x, x, mask))
        return self.around[1](x, self.dense)


class Positions(nn.Module):
    def __init__(self, width, longest=20):
        super().__init__()
        table = torch.zeros(longest, width)
        table[:, 0::2] = torch.sin(torch.arange(longest).unsqueeze(1) / torch.arange(1, width // 2 + 1))
        self.register_buffer("table", table.unsqueeze(0))

    def forward(self, x):
        return x + self.table[:, : x.size(1)].requires_grad_(False)


class ClonedLayers(nn.Module):
    def __init__(self, vocabulary=20, depth=2, width=8, heads=2):
        super().__init__()
        c = copy.deepcopy
        attention = Attention(heads, width)
        dense = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, width))
        positions = Positions(width)
        self.embed = nn.Sequential(nn.Embedding(vocabulary, width), c(positions))
        self.layers = clones(Layer(width, c(attention), c(dense)), depth)
        self.last = c(attention)

    def forward(self, ids):
        mask = (ids != 0).unsqueeze(-2).unsqueeze(1)
        x = self.embed(ids)
        for layer in self.layers:
            x = layer(x, mask)
        return self.last(x, x, x, mask)
