"""A comparison that stops is told, not raised."""

import numpy as np
import torch

from porter.port.trace_failure import trace_failure


class Model(torch.nn.Module):
    def forward(self, x):
        return x * 2


def test_a_diff_that_stops_is_one_line():
    lines = trace_failure(Model(), object(), {"x": np.ones((2, 3), np.float32)})
    assert len(lines) == 1
    assert "\n" not in lines[0]


def test_inputs_that_pytorch_refuses_say_nothing():
    assert trace_failure(Model(), object(), {"y": np.ones(2)}) == ()
