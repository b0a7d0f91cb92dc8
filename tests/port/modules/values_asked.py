"""Numbers asked from tensors, in tests and in arithmetic, and a table of activations of the file's own."""

import torch
import torch.nn.functional as F
from torch import nn


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(0.8 * x))


ACT2FN = {"gelu": gelu, "relu": F.relu}


class ValuesAsked(nn.Module):
    def __init__(self, act="gelu"):
        super().__init__()
        self.act = ACT2FN[act] if isinstance(act, str) else act
        self.dense = nn.Linear(4, 4)

    def forward(self, x, dropped):
        y = self.act(self.dense(x))
        if dropped is not None and dropped.any().item():
            y = y.masked_fill(dropped, 0.0)
        if bool(dropped.all()):
            y = y + 1
        if int(dropped.sum()) > 3:
            y = y * 2
        greatest = x.max().item()
        if greatest > 1.0:
            y = y / greatest
        return y * float(x.abs().max())
