"""Labels for a test: whatever a class calls them, in the shape on which PyTorch computes a loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.extra_inputs import with_labels
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS


def labelled_inputs(model: Any, inputs: Inputs) -> tuple[dict[str, np.ndarray[Any, Any]], float] | None:
    """The arrays of the inputs with labels, and PyTorch's loss of one element; None where the class has none."""
    import torch

    with torch.no_grad():
        tensors = torch_inputs(model, inputs)
        for given in with_labels(model, tensors, model(**tensors)):
            if any(isinstance(value, list) for value in given.values()):
                continue  # objects to be detected, which `fit` cannot be given
            try:
                loss = getattr(model(**given), "loss", None)
            except RUN_ERRORS:
                continue
            if loss is not None and loss.numel() == 1 and bool(torch.isfinite(loss).all()):
                arrays = {name: value.numpy() for name, value in given.items() if torch.is_tensor(value)}
                return arrays, float(loss.reshape(()))
    return None
