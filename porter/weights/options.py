"""How the weights are to be written, and whether they may be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from porter.base.errors import UsageError

if TYPE_CHECKING:
    from porter.weights.convert.convert import Target
from porter.base.byte_size import size
from porter.hub.fetch import has_tensorflow

DTYPES = ("float32", "float16", "bfloat16")


FORMATS = ("h5", "safetensors", "keras", "saved-model")


def check_new(folder: Path, name: str, new_weights: bool) -> None:
    """Refuse to convert again what has been converted, unless that is wanted.

    Raises:
        UsageError: there are TensorFlow weights already.
    """
    if not new_weights and has_tensorflow(folder):
        raise UsageError(f"{name} has TensorFlow weights already.", hint="--new-weights converts anew")


def target(weight_format: str, dtype: str | None, max_shard_size: str) -> Target:
    """How the weights are written.

    Raises:
        UsageError: an unknown format, type or size.
    """
    if weight_format not in FORMATS:
        raise UsageError(f"There is no format {weight_format}.", hint=f"--format {' | '.join(FORMATS)}")
    if dtype is not None and dtype not in DTYPES:
        raise UsageError(f"Weights are not written as {dtype}.", hint=f"--dtype {' | '.join(DTYPES)}")
    limit = size(max_shard_size)
    from porter.weights.convert.convert import Target

    return Target(weight_format, dtype, limit)
