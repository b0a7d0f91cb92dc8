"""How the weights are to be written, and whether they may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from porter.base.byte_size import size
from porter.base.early_checks import check_choice
from porter.base.errors import UsageError
from porter.hub.fetch import has_tensorflow
from porter.weights.formats import TensorFormat, WeightFormat, WholeFormat, all_formats
from porter.weights.plan.plan import Plan

DTYPES = ("float32", "float16", "bfloat16")
SHARD_LIMIT = 5_000_000_000


@dataclass(frozen=True)
class Target:
    """What is written: the format's name, the floating type (None keeps each tensor's own) and the files' limit."""

    format: str = "h5"
    dtype: str | None = None
    shard_limit: int = SHARD_LIMIT

    @property
    def kind(self) -> WeightFormat:
        """The declaration of the format."""
        return all_formats()[self.format]

    @property
    def tensor_format(self) -> TensorFormat:
        """The declaration of a format that is written tensor by tensor."""
        assert isinstance(self.kind, TensorFormat)
        return self.kind

    @property
    def whole_format(self) -> WholeFormat | None:
        """The declaration of a format that holds a model as a whole; None for the others."""
        return self.kind if isinstance(self.kind, WholeFormat) else None


DEFAULT = Target()


def check_new(folder: Path, name: str, new_weights: bool) -> None:
    """Refuse to convert again what has been converted, unless that is wanted.

    Raises:
        UsageError: there are TensorFlow weights already.
    """
    if not new_weights and has_tensorflow(folder):
        raise UsageError(f"{name} has TensorFlow weights already.", hint="--new-weights converts anew")


def written_as(weight_format: str, dtype: str | None, max_shard_size: str) -> Target:
    """How the weights are written.

    Raises:
        UsageError: an unknown format, type or size.
    """
    check_choice("--format", weight_format, all_formats())
    if dtype is not None:
        check_choice("--dtype", dtype, DTYPES)
    limit = size(max_shard_size)
    return Target(weight_format, dtype, limit)


def check_type(plan: Plan, weight_format: str, dtype: str | None) -> None:
    """Refuse what would be widened unasked: these formats hold the model's own float32.

    Raises:
        UsageError: weights are of another type and the user did not ask for float32.
    """
    narrow = sorted({info.dtype for info in plan.stored.values() if info.dtype in ("float16", "bfloat16")})
    if dtype not in (None, "float32") or (narrow and dtype is None):
        kept = f"--dtype {dtype}" if dtype else narrow[0]
        raise UsageError(
            f"--format {weight_format} holds float32, not {kept}.",
            hint="--dtype float32 doubles the size; --format safetensors keeps the type",
        )
