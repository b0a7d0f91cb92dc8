"""A PyTorch model as a function of positional tensors to a tuple of tensors, which is what can be traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from porter.export.axes import length_axis
from porter.subject.inputs.arrays import Array
from porter.subject.inputs.companions import MASK
from porter.subject.inputs.trials import Trial


def positional(model: Any, names: Sequence[str]) -> Any:
    """A module that calls the model with positional tensors under these names, and returns its tensors in order."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.original = model

        def forward(self, *tensors: Any) -> tuple[Any, ...]:
            outputs = self.original(**dict(zip(names, tensors, strict=True)))
            return tuple(value for value in outputs.values() if torch.is_tensor(value))

    return Positional().eval()


def tensors_of(inputs: Mapping[str, Array]) -> tuple[Any, ...]:
    """The arrays as PyTorch's tensors, in order."""
    import torch

    return tuple(torch.from_numpy(array.copy()) for array in inputs.values())


@contextmanager
def untied(model: Any) -> Iterator[list[str]]:
    """Weights that the model has under several names are copies of their own within the block; yields those names."""
    import torch

    first: dict[int, str] = {}
    shared = []
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if first.setdefault(id(parameter), name) != name:
            shared.append((name, parameter))
    try:
        for name, parameter in shared:
            copy = torch.nn.Parameter(parameter.detach().clone(), requires_grad=False)
            _put(model, name, copy)
        yield [name for name, _ in shared]
    finally:
        for name, parameter in shared:
            _put(model, name, parameter)


def _put(model: Any, name: str, parameter: Any) -> None:
    owner, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(owner), attribute, parameter)


def resized(trial: Trial, batch: int | None, length: int | None) -> Trial:
    """The trial with so many rows, and texts and sounds so long: cut, or repeated from the beginning; masks go on
    with ones.
    """
    inputs = {}
    for name, array in trial.inputs.items():
        rows = array if batch is None else np.take(array, np.arange(batch) % len(array), axis=0)
        axis = changeable_length(name, rows)
        inputs[name] = rows if length is None or axis is None else _long(name, rows, length, axis)
    return Trial(f"{trial.name}, resized", inputs)


def changeable_length(name: str, array: Array) -> int | None:
    """The axis along which a text or a sound goes on; None of an image, or a spectrogram, which has bins beside it."""
    return None if array.ndim > 2 and array.dtype.kind == "f" else length_axis(name, array.ndim)


def _long(name: str, rows: Array, length: int, axis: int) -> Array:
    width = rows.shape[axis]
    longer: Array = np.take(rows, np.arange(length) % width, axis=axis)
    if name.endswith(MASK):
        longer[..., width:] = 1
    return longer
