"""Properties that are set, methods with names of Keras and of torch.nn.Module, arguments handed on to layers of torch."""

import contextlib
import dataclasses
import functools

import torch
from torch import nn

BLOCKS = {}


def register(name):
    def wrap(cls):
        BLOCKS[name] = cls
        return cls

    return wrap


def logged(function):
    @functools.wraps(function)
    def inner(self, *args, **kwargs):
        return function(self, *args, **kwargs)

    return inner


@contextlib.contextmanager
def scope(name):
    yield name


def stack(*widths, **options):
    layers = []
    for narrow, wide in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(narrow, wide, **options), nn.ReLU()]
    return nn.Sequential(*layers)


class Scaled(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)
        self._scale = 1.0

    @property
    def scale(self):
        return self._scale

    @scale.setter
    def scale(self, value):
        self._scale = float(value)

    @property
    def width(self):
        return self.linear.in_features

    def train(self, mode=True):
        super().train(mode)
        self.linear.eval()
        return self

    def forward(self, x):
        return self.linear(x) * self.scale + self.width


@register("block")
class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    @logged
    def forward(self, x):
        return self.linear(x)


@dataclasses.dataclass
class State:
    x: torch.Tensor
    steps: int = 0

    def step(self):
        return State(self.x + 1, self.steps + 1)


class Accessors(nn.Module):
    def __init__(self, width: int = 8):
        super().__init__()
        self.scaled = Scaled(width)
        self.scaled.scale = 2.0
        self.stack = stack(width, 6, width, bias=False)
        self.frozen = nn.Linear(width, width).requires_grad_(False)
        self.block = BLOCKS["block"](width)

    @classmethod
    def build(cls, *args, **kwargs):
        return cls(*args, **kwargs)

    def call(self, x):
        return self.block(x)

    def forward(self, x, *, doubled: bool = False, **options):
        with scope("stack"), torch.cuda.amp.autocast(enabled=False), torch.no_grad():
            y = self.frozen(self.stack(self.scaled(x)))
        state = State(self.call(y)).step()
        return state.x * (2 if doubled else state.steps)
