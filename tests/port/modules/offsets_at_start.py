"""Weights that start from a table which is changed in place, and parts that are divided by a size."""

import math
import torch
from torch import nn


class OffsetsAtStart(nn.Module):
    def __init__(self, width: int = 8, heads: int = 2, points: int = 3):
        super().__init__()
        self.heads, self.points = heads, points
        self.offsets = nn.Linear(width, heads * points * 2)
        self.apply(self._init_weights)

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.0)
            thetas = torch.arange(self.heads, dtype=torch.int64).to(torch.float32) * (2.0 * math.pi / self.heads)
            grid_init = torch.stack([thetas.cos(), thetas.sin()], -1)
            grid_init = (
                (grid_init / grid_init.abs().max(-1, keepdim=True)[0])
                .view(self.heads, 1, 1, 2)
                .repeat(1, 1, self.points, 1)
            )
            for i in range(self.points):
                grid_init[:, :, i, :] *= i + 1
            with torch.no_grad():
                module.bias.copy_(grid_init.view(-1))

    def forward(self, x):
        y = self.offsets(x)
        for i in range(x.shape[1]):
            y[..., 0] /= x.shape[1]
        return y
