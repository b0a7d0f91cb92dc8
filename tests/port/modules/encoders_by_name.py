"""An abstract base with a mixin, classes in a registry, a decorator by another name, a mask, and a program below."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from shared_parts import gated  # beside this file, as when Python runs it

ENCODERS = {}


def named(name):
    def keep(cls):
        ENCODERS[name] = cls
        return cls

    return keep


def as_it_is(function):
    return function


compiled = as_it_is


class Counting:
    @property
    def length(self):
        return len(self.layers)


class Encoder(nn.Module, ABC):
    def __init__(self, width, depth):
        super().__init__()
        self.wide = 4
        self.layers = nn.ModuleList([self._layer(width) for _ in range(depth)])
        self.last = nn.Linear(self.wide, width)
        self.register_buffer("scale", torch.full((1,), 2.0) if depth > 9 else None)

    def _layer(self, width):
        before, self.wide = self.wide, width
        return nn.Linear(before, width) if before != 1 else nn.Identity()

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)

    @abstractmethod
    def act(self, x): ...

    def forward(self, x, mask=None):
        for layer in self.layers:
            x = self.act(layer(x))
        if self.scale is not None:
            x = x * self.scale
        return x if mask is None else x.masked_fill(~mask.unsqueeze(-1), 0.0)


@named("gated")
class GatedEncoder(Counting, Encoder):
    @compiled
    @torch.autocast("cuda", enabled=False)
    def act(self, x):
        return gated(x) / self.length


class Tagger(nn.Module):
    def __init__(self, encoder, width):
        super().__init__()
        self.encoder = ENCODERS[encoder](width, 2)
        self.register_buffer("steps", torch.outer(torch.arange(3), torch.ones(width)), persistent=False)

    def forward(self, x, mask=None):
        return self.encoder(x, mask=mask) @ self.steps.T

    @torch.inference_mode()
    def tags(self, x):
        return self.forward(x).argmax(-1)


if __name__ == "__main__":
    net = Tagger("gated", 4).to("cpu")
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.zeros(1, 2, 4)).sum().backward()
    optimizer.step()
