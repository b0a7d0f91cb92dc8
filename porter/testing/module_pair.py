"""A plain PyTorch module and its port with the same weights, for the tests that porter writes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from porter.runtime.model.loading import LoadingInfo
from porter.subject.case import Case, ModelCase
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.graph_signature import input_signature, split
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.locate import locate
from porter.subject.ported_module import constructed_port, save_weights
from porter.subject.strong_weights import strengthen
from porter.subject.torch_model import constructed
from porter.testing.gradients import compare_gradients
from porter.testing.verdict import Verdict


def torch_module(named: Path | str) -> ModuleType:
    """The module of a PyTorch file, whose folder need not be importable, or one of the installed transformers."""
    return importlib.import_module(locate(str(named)).module_name if isinstance(named, Path) else named)


@dataclass(frozen=True)
class ModulePair:
    """Both sides of a case, and inputs in the case's sizes and in others, as numpy arrays by argument name."""

    pytorch: Any
    tensorflow: Any
    loading: LoadingInfo
    inputs: tuple[Inputs, Inputs]
    comparable: bool
    noise: float | None

    @classmethod
    def of(cls, case: Case, model: ModelCase, modules: tuple[ModuleType, ModuleType], folder: Path) -> ModulePair:
        """The PyTorch module with strong weights, and the port that has loaded them from a file in the folder."""
        import torch

        torch.manual_seed(0)
        pytorch = constructed(case, getattr(modules[0], model.name)).eval()
        strengthen(pytorch)
        tensorflow = constructed_port(case, getattr(modules[1], f"TF{model.name}"), vars(modules[0]))
        loading = tensorflow.load_torch_weights(save_weights(pytorch, folder), strict=False)
        specs = case.inputs_of(model)
        inputs = (numpy_inputs(specs), checked_variation(pytorch, specs))
        return cls(pytorch, tensorflow, loading, inputs, model.comparable, model.noise)

    def expected(self, inputs: Inputs) -> Any:
        """What PyTorch computes."""
        import torch

        with torch.no_grad():
            return self.pytorch(**torch_inputs(self.pytorch, inputs))

    def graph(self) -> Callable[[Inputs], Any]:
        """The port as one graph in which the sizes are unknown that differ between the two sets of inputs."""
        import tensorflow as tf

        (small, plain), (large, _) = split(self.inputs[0]), split(self.inputs[1])
        signature = [input_signature(small, large)]
        function = tf.function(lambda arrays: self.tensorflow(**arrays, **plain), input_signature=signature)
        return lambda inputs: function(split(inputs)[0])

    def gradients_match(self, inputs: Inputs) -> Verdict:
        """Whether the gradient of each parameter is PyTorch's."""
        if not self.comparable:
            return Verdict(lacks="its outputs are random")
        return compare_gradients(self.pytorch, self.tensorflow, inputs)

    def torch_gradient_norm(self, inputs: Inputs) -> float:
        """The norm of the gradient of the outputs' mean squares, over all weights; tests of porter 0.1 ask for it."""
        import torch

        self.pytorch.zero_grad()
        outputs = self.pytorch(**torch_inputs(self.pytorch, inputs))
        sum((value**2).mean() for value in _tensors(outputs) if torch.is_floating_point(value)).backward()
        return _norm(parameter.grad.numpy() for parameter in self.pytorch.parameters() if parameter.grad is not None)

    def tensorflow_gradient_norm(self, inputs: Inputs) -> float:
        """The same of the port."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            outputs = self.tensorflow(**inputs)
            squares = [tf.reduce_mean(value**2) for value in _tensors(outputs) if value.dtype.is_floating]
            loss = tf.add_n(squares)
        gradients = tape.gradient(loss, self.tensorflow.trainable_variables)
        return _norm(tf.convert_to_tensor(gradient).numpy() for gradient in gradients if gradient is not None)


def _tensors(outputs: Any) -> Iterator[Any]:
    """The tensors in nested outputs."""
    from diffcheck.record.values import children

    parts = children(outputs)
    if parts is not None:
        for _, part in parts:
            yield from _tensors(part)
    elif hasattr(outputs, "dtype"):
        yield outputs


def _norm(gradients: Iterator[Any]) -> float:
    return float(np.sqrt(sum(np.sum(np.square(gradient, dtype=np.float64)) for gradient in gradients)))
