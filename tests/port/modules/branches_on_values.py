"""Branches, conditional expressions, loops and checks that ask a tensor's value."""

import torch
from torch import nn


def clipped(x, limit):
    if x.max() > limit:
        return x.clamp(max=limit)
    return x


class Branches(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.register_buffer("limit", torch.tensor(0.7))

    def forward(self, x, flags):
        if (x < -1e4).any() or not torch.isfinite(x).all():
            raise ValueError("x is out of range")
        assert (flags >= 0).all(), "flags are not negative"
        x = clipped(self.layer(x), self.limit)
        total = x.sum()
        scale = total if total > 0 else -total
        if not torch.all(x > 0):
            x = x + x.abs().mean()
        elif x.sum() > 100:
            x = x / x.sum()
        else:
            x = x * 2
        if not flags.all():
            x = x * (1 + flags.unsqueeze(-1))
        large = x > 0.5
        if large.any():
            x[1:][large[1:]] = 0.25
        while x.abs().max() > 0.3:
            x = x / 2
        return torch.softmax(x * scale, dim=-1)
