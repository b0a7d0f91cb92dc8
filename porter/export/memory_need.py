"""How large a checkpoint is, and whether its export fits into the memory and the format."""

from __future__ import annotations

import math
from pathlib import Path

from porter.base.byte_size import size
from porter.base.errors import UsageError
from porter.export.declaration import Format
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.repository import Repository
from porter.runtime.stored.tensor_source import Checkpoint

FLOAT32 = 4
FRAMEWORKS = 1_000_000_000
"""Bytes that the frameworks and the graph of a model take beside all weights."""


def check_memory(declared: Format, source: Path, max_memory: str | None) -> None:
    """Refuse a checkpoint that is too large for the format, or for the memory that the user allows.

    Args:
        declared: the format, which says how many times the weights are in memory at once.
        source: the folder of the checkpoint.
        max_memory: what the user allows, as `8GB`; None: all there is.

    Raises:
        UsageError: saying how large it is.
    """
    with open_weights(source) as checkpoint:
        weights = FLOAT32 * sum(math.prod(tensor.shape) for tensor in checkpoint.tensors.values())
    if declared.largest is not None and weights > declared.largest:
        sentence = f"{declared.name} holds {declared.largest / 1e9:.0f} GB; these weights are {weights / 1e9:.1f} GB."
        raise UsageError(sentence, hint="porter export onnx has no such limit")
    if max_memory is None:
        return
    needed = FRAMEWORKS + int(declared.copies * weights)
    if needed > size(max_memory, "--max-memory 8GB"):
        raise UsageError(
            f"{max_memory} is too little: exporting {weights / 1e9:.2f} GB of weights to {declared.name} takes about "
            f"{needed / 1e9:.1f} GB.",
            hint=f"--max-memory {math.ceil(needed / 1e9)}GB",
        )


def open_weights(source: Path) -> Checkpoint:
    """PyTorch's weights of a folder, or TensorFlow's where there are no others.

    Raises:
        CheckpointError: there are none, or they are damaged.
    """
    repository = Repository(str(source))
    return repository.tf_checkpoint() if repository.holds_only_tf_weights() else open_checkpoint(source)
