"""A SavedModel against PyTorch: only its own inputs and outputs can be compared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diffcheck.record.values import Flattened, is_tensor
from porter.base.errors import LeftOver
from porter.subject.inputs.trials import Trial
from porter.weights.formats.served_model import MASK, Served
from porter.weights.prove.reference import Reference


def servable(served: Served, whole: Reference) -> Reference:
    """What of a reference it can be compared with: its own inputs and outputs.

    Raises:
        LeftOver: that is nothing.
    """
    trials = [made for trial in whole.trials if (made := _given(served, trial)) is not None]
    outputs = {
        trial.name: Flattened({k: v for k, v in whole.outputs[trial.name].tensors.items() if k in served.outputs})
        for trial in trials
    }
    if not trials:
        raise LeftOver("The SavedModel takes none of the inputs that it was to be compared on.")
    return replace(whole, trials=tuple(trials), outputs=outputs)


def _given(served: Served, trial: Trial) -> Trial | None:
    """The trial with a mask if one must be given; None for one that the signature has no place for."""
    inputs = dict(trial.inputs)
    if MASK in served.names - set(inputs):
        inputs[MASK] = np.ones_like(next(value for value in inputs.values() if is_tensor(value)), dtype=np.int64)
    return replace(trial, inputs=inputs) if set(inputs) == served.names and trial.before is None else None
