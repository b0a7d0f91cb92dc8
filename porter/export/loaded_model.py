"""The PyTorch model of a checkpoint as it is exported: without a pooler where only its weights are missing."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from porter.runtime.stored.checkpoint import open_checkpoint
from porter.subject.torch_checkpoint import LacksWeights, load_torch
from porter.subject.torch_class import torch_class

POOLING = "add_pooling_layer"
"""The argument by which classes of transformers are made without a pooler."""


@dataclass(frozen=True)
class Loaded:
    """A PyTorch model, and how it was made.

    Attributes:
        torch: the model in eval mode.
        constructor: arguments of its constructor beside the configuration, which the port's takes too.
        notes: what it lacks.
        from_tensorflow: whether it was made of TensorFlow's weights, since there are no others.
    """

    torch: Any
    constructor: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    from_tensorflow: bool = False


def load(folder: Path, class_name: str, trust: bool, named: str | None = None) -> Loaded:
    """The model of a folder, which was perhaps trained with a head that needs no pooler.

    Args:
        folder: where config.json and the weights are.
        class_name: the PyTorch class.
        trust: whether code that lies in the folder may run.
        named: a model's name that the user typed; a folder of that name may hold the code instead.

    Raises:
        LacksWeights: more than a pooler's weights are missing.
        UsageError: the checkpoint is broken, or does not fit.
    """
    try:
        return Loaded(load_torch(folder, class_name, trust_remote_code=trust, named=named))
    except LacksWeights as error:
        taken = inspect.signature(torch_class(folder, class_name, trust, named).__init__).parameters
        if POOLING not in taken or _holds_some(folder, error.names):
            raise
        without = {POOLING: False}
        try:
            model = load_torch(folder, class_name, trust_remote_code=trust, named=named, constructor=without)
        except LacksWeights:
            raise error from None
    return Loaded(model, without, ("the checkpoint has no weights for a pooler, so the file has none.",))


def _holds_some(folder: Path, missing: Sequence[str]) -> bool:
    """Whether the checkpoint has other weights of the layers whose weights are missing."""
    layers = {name.rpartition(".")[0] for name in missing}
    with open_checkpoint(folder) as checkpoint:
        return any(f".{layer}." in f".{name}" for name in checkpoint.tensors for layer in layers)
