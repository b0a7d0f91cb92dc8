"""A layer of PyTorch with more than PyTorch has: its parameters are called as Keras calls its own."""

from functools import cached_property

import torch
from torch import nn


class Causal(nn.Conv1d):
    def __init__(self, inputs, outputs, size, key, dilation=1):
        super().__init__(inputs, outputs, size, dilation=dilation)
        self.key = key

    @cached_property
    def left_pad(self):
        return (self.kernel_size[0] - 1) * self.dilation[0] + 1 - self.stride[0]

    def forward(self, x, cache=None):
        if cache is not None:
            x = cache.update(x, self.key, self)
        else:
            x = nn.functional.pad(x, (self.left_pad, 0))
        return super().forward(x)


class CausalParts(nn.Module):
    def __init__(self, width: int = 8):
        super().__init__()
        self.conv = Causal(width, 6, 3, "a", dilation=2)

    def forward(self, x):
        y = self.conv(x)
        return y * self.conv.in_channels / self.conv.dilation[0]
