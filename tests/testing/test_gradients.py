import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.testing.gradients import compare_gradients

INPUTS = {"x": np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)}


class Net(torch.nn.Module):
    def __init__(self, detached):
        super().__init__()
        self.first, self.second = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)
        self.detached, self.offset = detached, 0.0

    def forward(self, x):
        x = self.first(x) - self.offset
        return {"y": self.second(x.detach() if self.detached else x)}


class TFNet(keras.Model):
    def __init__(self, detached):
        super().__init__()
        self.first, self.second = keras.layers.Dense(8, name="first"), keras.layers.Dense(8, name="second")
        self.detached, self.offset = detached, 0.0

    def call(self, x):
        x = self.first(x) - self.offset
        return {"y": self.second(tf.stop_gradient(x) if self.detached else x)}


def pair(detached, detached_in_port):
    torch.manual_seed(0)
    model, port = Net(detached).eval(), TFNet(detached_in_port)
    port(**INPUTS)
    load(model, port)
    return model, port


def load(model, port):
    for name in ("first", "second"):
        dense, linear = getattr(port, name), getattr(model, name)
        dense.kernel.assign(linear.weight.detach().numpy().T)
        dense.bias.assign(linear.bias.detach().numpy())


@pytest.mark.parametrize("detached", [False, True])
def test_the_same_gradients_match(detached):
    assert compare_gradients(*pair(detached, detached), INPUTS).problem == ""


@pytest.mark.parametrize(("detached", "said"), [(True, "not in the reference"), (False, "missing from the candidate")])
def test_a_gradient_that_only_one_side_has_is_found(detached, said):
    problem = compare_gradients(*pair(detached, not detached), INPUTS).problem
    assert problem.startswith("first.weight differs: ") and said in problem


def test_a_small_gradient_is_not_lost_beside_a_great_one():
    """An error of 0.1 % in a gradient that is a thousandth of the greatest."""
    model, port = pair(False, False)
    with torch.no_grad():
        model.second.weight.mul_(1e-3)
    load(model, port)
    assert compare_gradients(model, port, INPUTS).problem == ""
    port.second.kernel.assign(port.second.kernel * 1.001)
    assert "first.weight differs: " in compare_gradients(model, port, INPUTS).problem


def test_what_rounding_allowed_is_said():
    """Half of the digits of what the second weight's gradient is made of cancel."""
    model, port = pair(False, False)
    model.offset = port.offset = 1e4
    with torch.no_grad():
        model.first.bias.add_(1e4)
    load(model, port)
    verdict = compare_gradients(model, port, INPUTS)
    assert verdict.problem == ""
    assert verdict.remark == "1 of 4 gradients were allowed 8 x the reference's own rounding."
