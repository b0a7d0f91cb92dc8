"""Carry out a plan: read a tensor, permute its axes, write it, forget it. No model is held at any time."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from porter.base import console
from porter.base.errors import UsageError
from porter.runtime.model.transformers4 import Stored, stored_names
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Move
from porter.runtime.stored.shards import file_names, index_name, index_text, shards, write_index
from porter.runtime.stored.tensor_source import Array, Checkpoint, contiguous, numpy_dtype
from porter.runtime.stored.writers import Entry
from porter.weights.options import DEFAULT, Target
from porter.weights.plan.plan import Plan, check_duplicates


def convert(plan: Plan, checkpoint: Checkpoint, folder: Path, target: Target = DEFAULT) -> list[Path]:
    """Write the plan's variables into `folder` and return the files.

    Memory: one tensor and its transposed copy.

    Raises:
        CheckpointError: tensors that the model keeps as one differ in the checkpoint.
        UsageError: the format cannot hold a tensor's type.
    """
    checkpoint = plan.view(checkpoint)
    check_duplicates(plan, checkpoint)
    jobs = plan_jobs(plan, target)
    files = shards([job.entry for job in jobs], target.shard_limit)
    names = file_names(len(files), target.format)
    by_key = {job.entry.key: job for job in jobs}
    written = []
    for name, part in zip(names, files, strict=True):
        open_writer = target.tensor_format.open
        with open_writer(folder / name, part, flat=len(files) > 1, empty_groups=plan.empty_groups) as writer:
            for entry in console.progress(part, f"writing {name}"):
                writer.add(entry, by_key[entry.key].array(checkpoint))
        written.append(folder / name)
    if len(files) > 1:
        written.append(write_index(folder, dict(zip(names, files, strict=True)), target.format))
    return written


def index_of(plan: Plan, target: Target) -> tuple[str, str] | None:
    """Name and text of the index that goes with the files; None where there is one file only."""
    files = shards([job.entry for job in plan_jobs(plan, target)], target.shard_limit)
    if len(files) < 2:
        return None
    named = dict(zip(file_names(len(files), target.format), files, strict=True))
    return index_name(target.format), index_text(named)


@dataclass(frozen=True)
class Job:
    """One tensor to be moved: where it is read, how its axes are permuted, and how the file holds it."""

    move: Move
    layout: Layout
    entry: Entry

    def array(self, checkpoint: Checkpoint) -> Array:
        """The numbers as the file holds them, contiguous."""
        array = self.layout.to_keras(checkpoint.read(self.move.source))
        stored = contiguous(array).astype(numpy_dtype(self.entry.dtype), copy=False)
        return stored.reshape(self.entry.shape)  # puts back an axis of length one, or none


def check_space(plan: Plan, target: Target, folder: Path, beside: int = 0) -> None:
    """Refuse, before anything is written, what cannot fit on the disk: the weights, and so many bytes beside them.

    Raises:
        UsageError: with what is needed and what is there.
    """
    needed = sum(job.entry.size for job in plan_jobs(plan, target)) + beside
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UsageError(f"The output needs {needed / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free.")


def plan_jobs(plan: Plan, target: Target) -> list[Job]:
    """What will be written, in the plan's order, before anything is.

    Raises:
        UsageError: the format cannot hold a tensor's type.
    """
    names = stored_names([move.target.path for move in plan.moves], plan.class_name, plan.model_type)
    return [_job(plan, move, names[move.target.path], target) for move in plan.moves]


def _job(plan: Plan, move: Move, stored: Stored, target: Target) -> Job:
    dtype = stored_dtype(plan.stored[move.source].dtype, target.dtype)
    if numpy_dtype(dtype).kind == "c":
        raise UsageError(f"{move.source} is {dtype}, of which PyTorch's model would drop the imaginary part.")
    return Job(move, *target.kind.place(move, stored, dtype))


def stored_dtype(dtype: str, wanted: str | None) -> str:
    """The type to write: floating tensors in the wanted one, all others in their own."""
    floating = dtype.startswith(("float", "bfloat"))
    return wanted if wanted is not None and floating else dtype
