"""Inputs in other sizes than those that were traced, as far as PyTorch runs on them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import (
    Inputs,
    batch_of,
    each_array,
    length_of,
    numpy_inputs,
    reshaped,
    resized,
    with_padding,
)
from porter.subject.torch_model import RUN_ERRORS


def checked_variation(
    model: Any,
    specs: Sequence[InputSpec],
    *,
    seed: int = 1,
    more_rows: int = 1,
    more_columns: int = 2,
    other_axes: bool = True,
) -> Inputs:
    """Inputs with another seed, batch, length and a row of padding, as far as PyTorch runs on them.

    The batch grows by `more_rows` and the length by `more_columns`. Tried in turn: all of it, without padding, the
    length as it was, the batch as it was, everything as it was but the seed, and at last the specs unmodified
    (which are returned unchecked). Then, with `other_axes`, every other axis has another size where PyTorch
    takes it: the length of float sequences, the height and width of images.
    """
    old_batch, old_length = batch_of(specs), length_of(specs)
    batch = old_batch + more_rows if old_batch else None
    length = old_length + more_columns if old_length else None
    for sizes in ((batch, length), (batch, None), (None, length), (None, None)):
        changed = resized(specs, *sizes)
        for padded in (True, False):
            if runs(model, _made(changed, seed, padded)):
                for axes in _unvaried(specs, changed) if more_columns and other_axes else ():
                    changed = _grown(model, changed, axes, seed, padded)
                return _made(changed, seed, padded)
    return numpy_inputs(specs)


Axis = tuple[int, int]


def _made(specs: Sequence[InputSpec], seed: int, padded: bool) -> Inputs:
    inputs = numpy_inputs(specs, seed)
    return with_padding(specs, inputs) if padded else inputs


def _unvaried(specs: Sequence[InputSpec], changed: Sequence[InputSpec]) -> list[list[Axis]]:
    """The axes (input, axis) behind the batch that kept their size, together those that may be one and the same."""
    sizes = {
        (at, axis): size
        for at, (before, after) in enumerate(zip(specs, changed, strict=True))
        for axis, size in enumerate(before.shape)
        if axis and size > 1 and after.shape[axis] == size
    }
    return [[place for place in sizes if sizes[place] == size] for size in dict.fromkeys(sizes.values())]


def _grown(model: Any, specs: list[InputSpec], axes: Sequence[Axis], seed: int, padded: bool) -> list[InputSpec]:
    """The specs with these axes longer by two or twice as long, as PyTorch takes it: all of them, else each alone."""
    for factor, more in ((1, 2), (2, 0)):
        grown = list(specs)
        for at, axis in axes:
            shape = [factor * size + more if index == axis else size for index, size in enumerate(grown[at].shape)]
            grown[at] = reshaped(grown[at], tuple(shape))
        if runs(model, _made(grown, seed, padded)):
            return grown
    for axis_alone in axes if len(axes) > 1 else ():
        specs = _grown(model, specs, [axis_alone], seed, padded)
    return specs


def runs(model: Any, inputs: Inputs) -> bool:
    """Whether PyTorch computes the model's outputs on these inputs without an error."""
    return not why_not(model, inputs)


def why_not(model: Any, inputs: Inputs) -> str:
    """Why PyTorch does not compute the model's outputs on these inputs; empty where it does."""
    import torch

    try:
        with torch.no_grad():
            model(**torch_inputs(model, inputs))
    except RUN_ERRORS as error:
        return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    return ""


def torch_inputs(model: Any, inputs: Inputs) -> Inputs:
    """The arrays as tensors, only the arguments that the model's forward takes."""
    import torch

    accepted = inspect.signature(model.forward).parameters
    return {name: each_array(value, torch.tensor) for name, value in inputs.items() if name in accepted}
