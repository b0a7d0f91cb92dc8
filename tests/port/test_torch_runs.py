"""What PyTorch gives: with all that it can record, in float64 too, and on other sizes than were traced."""

import numpy as np
import tensorflow as tf
import torch

from porter.port.torch_runs import torch_runs
from porter.subject import InputSpec

SPECS = (InputSpec("x", (2, 3, 4), "float32", {"kind": "normal"}),)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = torch.nn.Linear(4, 4)

    def forward(self, x, output_hidden_states=False, output_attentions=False):
        if output_attentions:
            raise RuntimeError("no attentions here")
        return {"states": self.proj(x)}


def test_what_can_be_recorded_is_found_out():
    assert torch_runs(Model(), SPECS, comparable=True).flags == {"output_hidden_states": True}


def test_rounding_and_varied_axes():
    runs = torch_runs(Model(), SPECS, comparable=True)
    assert 0 < runs.noise["states"] < 1e-6
    assert runs.inputs["x"].shape == (3, 5, 4)


def test_a_port_that_differs_is_told_from_one_that_fails():
    runs = torch_runs(Model(), SPECS, comparable=True)

    class Port:
        def call(self, inputs):
            return {"states": np.zeros_like(inputs["x"])}

        __call__ = call

    class Broken(Port):
        def __call__(self, inputs):
            raise ValueError("broken")

    assert runs.eager(Port()).max_abs is not None
    assert not runs.eager(Port()).ok
    assert runs.eager(Broken()).message == "ValueError: broken"


class Pixels(torch.nn.Module):
    def forward(self, x):
        return {"states": x.mean((1, 2, 3))[:, None] * torch.arange(1.0, 3.0)}


IMAGES = (InputSpec("x", (2, 3, 8, 8), "float32", {"kind": "normal"}),)


def test_a_graph_that_must_know_the_sizes_of_images_may_not_know_the_batch():
    class Port(tf.Module):
        def call(self, inputs):
            if not self.knows and inputs["x"].shape[2] is None:
                raise ValueError("which height?")
            return {"states": tf.reduce_mean(inputs["x"], [1, 2, 3])[:, None] * tf.range(1.0, 3.0)}

        __call__ = call

        def __init__(self, knows):
            self.knows = knows

    runs = torch_runs(Pixels(), IMAGES, comparable=True)
    found = runs.graph_first(lambda: Port(True))
    assert (found.side.ok, found.unknown, found.needs) == (True, ("x 0, 1, 2, 3",), "")
    found = runs.graph_first(lambda: Port(False))
    assert (found.side.ok, found.unknown) == (True, ("x 0",))
    assert "which height?" in found.needs
