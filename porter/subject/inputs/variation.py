"""Inputs in other sizes than those that were traced, as far as PyTorch runs on them."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import Inputs, _padded, batch_of, each_array, length_of, numpy_inputs
from porter.subject.torch_model import RUN_ERRORS


def checked_variation(
    model: Any, specs: Sequence[InputSpec], *, seed: int = 1, more_rows: int = 1, more_columns: int = 2
) -> Inputs:
    """Inputs with another seed, batch, length and a row of padding, as far as PyTorch runs on them.

    The batch grows by `more_rows` and the length by `more_columns`. Tried in turn: all of it, without padding, the
    length as it was, the batch as it was, everything as it was but the seed, and at last the specs unmodified
    (which are returned unchecked).
    """
    old_batch, old_length = batch_of(specs), length_of(specs)
    batch = old_batch + more_rows if old_batch else None
    length = old_length + more_columns if old_length else None
    for sizes in ((batch, length), (batch, None), (None, length), (None, None)):
        inputs = numpy_inputs(specs, seed, *sizes)
        for candidate in (_padded(specs, inputs), inputs):
            if runs(model, candidate):
                return candidate
    return numpy_inputs(specs)


def runs(model: Any, inputs: Inputs) -> bool:
    """Whether PyTorch computes the model's outputs on these inputs without an error."""
    import torch

    try:
        with torch.no_grad():
            model(**torch_inputs(model, inputs))
    except RUN_ERRORS:
        return False
    return True


def torch_inputs(model: Any, inputs: Inputs) -> Inputs:
    """The arrays as tensors, only the arguments that the model's forward takes."""
    import torch

    accepted = inspect.signature(model.forward).parameters
    return {name: each_array(value, torch.from_numpy) for name, value in inputs.items() if name in accepted}
