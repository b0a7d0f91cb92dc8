"""Activations that write into what they are given, alone and in front of a sequence, where it is read again."""

import torch
from torch import nn


class Residual(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.block = nn.Sequential(nn.ReLU(True), nn.Conv2d(width, inner, 3, 1, 1), nn.ReLU(True), nn.Conv2d(inner, width, 1))

    def forward(self, x):
        return x + self.block(x)


class Branches(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.branch = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(width, width, 1))
        self.other = nn.Conv2d(width, width, 1)
        self.leaky = nn.LeakyReLU(0.2, True)

    def forward(self, x):
        out = self.branch(x)
        rest = self.other(x)
        y = self.leaky(rest)
        return torch.cat([x, out, rest + y], 1)


class Scaled(nn.Module):
    def __init__(self, width, inplace=False):
        super().__init__()
        self.inplace = inplace
        self.gamma = nn.Parameter(torch.rand(width, 1, 1))

    def forward(self, x):
        return x.mul_(self.gamma) if self.inplace else x * self.gamma


class FirstLayers(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.layers = nn.ModuleList([Residual(width, 3) for _ in range(2)])
        self.scaled = Scaled(width)
        self.last = nn.Conv2d(width, width, 1)
        self.branches = Branches(width)

    def forward(self, x):
        x = self.stem(x)
        for index in range(2):
            x = self.layers[index](x)
        return self.branches(self.last(x + self.scaled(x)))
