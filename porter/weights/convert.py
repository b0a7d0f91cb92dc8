"""Carry out a plan: read a tensor, permute its axes, write it, forget it. No model is held at any time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from porter import console
from porter.errors import UsageError
from porter.runtime.h5_file import model_name
from porter.runtime.pairing import Move
from porter.runtime.tensor_source import Array, Checkpoint, CheckpointError, numpy_dtype
from porter.weights.plan import Plan
from porter.weights.writers import FORMATS, Entry, Writer, file_names, shards, write_index

SHARD_LIMIT = 5_000_000_000


@dataclass(frozen=True)
class Target:
    """What is written: the format's name, the floating type (None keeps each tensor's own) and the files' limit."""

    format: str = "h5"
    dtype: str | None = None
    shard_limit: int = SHARD_LIMIT


def convert(plan: Plan, checkpoint: Checkpoint, folder: Path, target: Target = Target()) -> list[Path]:
    """Write the plan's variables into `folder` and return the files.

    Memory: one tensor and its transposed copy.

    Raises:
        CheckpointError: tensors that the model keeps as one differ in the checkpoint.
        UsageError: the format cannot hold a tensor's type.
    """
    check_duplicates(plan, checkpoint)
    entries = plan_entries(plan, target)
    moves = dict(zip((entry.path for entry in entries), plan.moves, strict=True))
    files = shards(entries, target.shard_limit)
    names = file_names(len(files), target.format)
    written = []
    for name, part in zip(names, files, strict=True):
        with FORMATS[target.format](folder / name, part, flat=len(files) > 1) as writer:
            write(writer, part, moves, checkpoint)
        written.append(folder / name)
    if len(files) > 1:
        written.append(write_index(folder, dict(zip(names, files, strict=True)), target.format))
    return written


def check_space(plan: Plan, target: Target, folder: Path) -> None:
    """Refuse, before anything is written, what cannot fit on the disk.

    Raises:
        UsageError: with what is needed and what is there.
    """
    needed = sum(entry.size for entry in plan_entries(plan, target))
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(f"The weights need {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free.")


def write(writer: Writer, entries: Sequence[Entry], moves: dict[str, Move], checkpoint: Checkpoint) -> None:
    """Write the variables of one file."""
    for entry in console.progress(entries, "writing weights"):
        writer.add(entry, moved(moves[entry.path], checkpoint, entry.dtype))


def moved(move: Move, checkpoint: Checkpoint, dtype: str) -> Array:
    """One tensor as the variable holds it, contiguous and in `dtype`."""
    array = move.target.layout.to_keras(checkpoint.read(move.source))
    contiguous: Array = np.ascontiguousarray(array, dtype=numpy_dtype(dtype)).reshape(move.target.shape)
    return contiguous


def plan_entries(plan: Plan, target: Target) -> list[Entry]:
    """What will be written, in the plan's order, before anything is.

    Raises:
        UsageError: the format cannot hold a tensor's type.
    """
    return list(_entries(plan, target))


def _entries(plan: Plan, target: Target) -> Iterator[Entry]:
    root = model_name(plan.class_name)
    for move in plan.moves:
        dtype = stored_dtype(plan.stored[move.source].dtype, target.dtype)
        if target.format == "h5" and numpy_dtype(dtype).kind == "V":
            raise UsageError(
                f"{move.source} is {dtype}, which HDF5 files cannot hold.",
                hint="--format safetensors keeps it; --dtype float32 doubles the size",
            )
        path = f"{root}/{move.target.path}"
        yield Entry(path, move.target.shape, dtype, plan.size(move, dtype))


def stored_dtype(dtype: str, wanted: str | None) -> str:
    """The type to write: floating tensors in the wanted one, all others in their own."""
    floating = dtype.startswith(("float", "bfloat"))
    return wanted if wanted is not None and floating else dtype


def check_duplicates(plan: Plan, checkpoint: Checkpoint) -> None:
    """Compare, bit by bit, the tensors that the model holds only once.

    Raises:
        CheckpointError: two of them differ, so one would be lost.
    """
    for tied, owner in plan.pairing.duplicates:
        if checkpoint.read(tied).tobytes() != checkpoint.read(owner).tobytes():
            hint = "set tie_word_embeddings to false in its config.json"
            raise CheckpointError(f"{tied} and {owner} are one weight in this model and differ here.", hint=hint)
