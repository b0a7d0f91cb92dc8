"""A model of transformers and its port with the same weights, for the tests that porter writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from diffcheck import compare
from porter.subject.case import Case, ModelCase
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.graph_signature import input_signature, split
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.ported_module import save_model
from porter.subject.strong_weights import strengthen
from porter.subject.torch_model import build_config

TOLERANCE = 1e-5
"""How far outputs may be apart, as a share of the greatest and at least 1."""


@dataclass(frozen=True)
class ModelPair:
    """Both sides of a case, and inputs in the case's sizes and in others, as numpy arrays by argument name.

    Attributes:
        pytorch: the model with strong weights, in evaluation mode.
        tensorflow: the port, which has loaded them.
        loading: what of the weights did not find its place.
        folder: holds the configuration and PyTorch's weights.
        inputs: of two sizes.
        case: its name, whether its numbers can be compared, PyTorch's own noise.
    """

    pytorch: Any
    tensorflow: Any
    loading: dict[str, Any]
    folder: Path
    inputs: tuple[Inputs, Inputs]
    case: ModelCase

    @classmethod
    def of(cls, case: Case, model: ModelCase, modules: tuple[ModuleType, ModuleType], folder: Path) -> ModelPair:
        """The PyTorch model of `modules[0]`, and its port in `modules[1]` that has read it from the empty folder."""
        import torch

        torch.manual_seed(0)
        pytorch = getattr(modules[0], model.name)(build_config(case)).eval()
        strengthen(pytorch)
        save_model(pytorch, folder)
        port_class = getattr(modules[1], f"TF{model.name}")
        tensorflow, loading = port_class.from_pretrained(folder, from_pt=True, output_loading_info=True)
        specs = case.inputs_of(model)
        inputs = (numpy_inputs(specs), checked_variation(pytorch, specs))
        return cls(pytorch, tensorflow, loading, folder, inputs, model)

    def accepted(self, inputs: Inputs) -> Inputs:
        """Those of the inputs that the model takes."""
        return {name: inputs[name] for name in torch_inputs(self.pytorch, inputs)}

    def expected(self, inputs: Inputs) -> Any:
        """What PyTorch computes."""
        import torch

        with torch.no_grad():
            return self.pytorch(**torch_inputs(self.pytorch, inputs))

    def difference(self, actual: Any, inputs: Inputs) -> str:
        """Where an output is not PyTorch's, as a sentence; empty where it is, or where nothing can be compared."""
        if not self.case.comparable:
            return ""
        return self.unlike(self.expected(inputs), actual)

    def unlike(self, expected: Any, actual: Any) -> str:
        """Where two outputs differ, as a sentence; empty where they agree."""
        found = compare(expected, actual, tolerance=TOLERANCE, noise=self.case.noise)
        return "" if found.matches else found.sentence()

    def graph(self) -> Callable[[Inputs], Any]:
        """The port as one graph in which the sizes are unknown that differ between the two sets of inputs."""
        import tensorflow as tf

        (small, plain), (large, _) = (split(self.accepted(inputs)) for inputs in self.inputs)
        signature = [input_signature(small, large)]
        function = tf.function(lambda arrays: self.tensorflow({**arrays, **plain}), input_signature=signature)
        return lambda inputs: function(split(self.accepted(inputs))[0])


def floats(value: Any) -> list[Any]:
    """The floating-point tensors of an output by position, caches and tuples left aside."""
    parts = value.to_tuple() if hasattr(value, "to_tuple") else value if isinstance(value, tuple) else (value,)
    return [part for part in parts if hasattr(part, "shape") and "float" in str(part.dtype)]


def as_array(tensor: Any) -> np.ndarray[Any, Any]:
    """A tensor of either framework in float32."""
    return np.asarray(tensor.detach().float().numpy() if hasattr(tensor, "detach") else tensor.numpy(), np.float32)
