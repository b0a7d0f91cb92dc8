"""Blocks made through a table of functions, options in a plain dictionary, parameters by attribute, a busy name."""

import torch
import torch.nn.functional as F
from torch import nn

BLOCKS = {}


def register(function):
    BLOCKS[function.__name__] = function
    return function


class Rounded(nn.Module):
    def __init__(self, width, levels):
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.levels = levels

    def quantize(self, x):
        return x + (torch.round(x * self.levels) / self.levels - x).detach()

    def forward(self, x):
        return self.quantize(torch.tanh(self.dense(x)))


@register
def rounded(**kwargs):
    return Rounded(**kwargs)


def make_block(name, **kwargs):
    if name not in BLOCKS:
        raise ValueError(name)
    return BLOCKS[name](**kwargs)


class NamedBlocks(nn.Module):
    def __init__(self, options):
        super().__init__()
        width = options.get("width", 8)
        self.levels = options["levels"]
        self.block = make_block("rounded", width=width, levels=options["levels"])
        self.scales = nn.ParameterDict({"first": nn.Parameter(torch.rand(width)), "last": nn.Parameter(torch.rand(1))})
        self.shifts = nn.ParameterList()
        for index in range(2):
            self.shifts.append(nn.Parameter(torch.full((width,), 0.5 * index)))
        directions, _ = torch.linalg.qr(torch.randn(width, width))
        self.directions = nn.Parameter(directions)

    def forward(self, x):
        x = self.block(x * self.scales.first) * self.scales["last"]
        for shift in self.shifts:
            x = x + shift
        return F.max_pool1d(x @ self.directions, 1, stride=2)
