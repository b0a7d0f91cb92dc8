"""Layers under names: in ordered dictionaries, by `add_module`, as attributes of a Sequential, in a ModuleDict."""

from collections import OrderedDict

import numpy as np
import torch
from torch import nn
from torch.autograd import Variable
from torch.nn import functional as F


class Squeezed(nn.Sequential):
    def __init__(self, before, after):
        super().__init__()
        self.norm = nn.BatchNorm1d(before)
        self.conv = nn.Conv1d(before, after, 1)


class Grown(nn.ModuleDict):
    def __init__(self, width, count):
        super().__init__()
        for i in range(count):
            self.add_module("layer%d" % i, nn.Conv1d(width * (i + 1), width, 3, padding=1))

    def forward(self, x):
        found = [x]
        for name, layer in self.items():
            found.append(torch.relu(layer(torch.cat(found, 1))))
        return torch.cat(found, 1)


class NamedParts(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.stem = nn.Sequential(OrderedDict([("conv", nn.Conv1d(3, width, 3)), ("act", nn.Tanh())]))
        self.stem.add_module("grown", Grown(width, 2))
        self.stem.add_module("squeezed", Squeezed(3 * width, width))
        tail = nn.Sequential()

        def add(i):
            tail.add_module("linear{0}".format(i), nn.Linear(width, width))
            tail.add_module("act{0}".format(i), nn.ReLU(True))

        add(0)
        add(1)
        tail.append(nn.Linear(width, 2))
        self.tail = tail
        self.steps = np.arange(width, dtype=np.float32)

    def forward(self, x):
        x = self.stem(x)
        pooled = F.max_pool1d(x, x.size(2)).squeeze(2) + Variable(torch.from_numpy(self.steps))
        return self.tail(pooled)
