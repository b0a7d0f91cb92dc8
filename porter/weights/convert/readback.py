"""What was written, read back and compared bit by bit with the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from porter.base.errors import LeftOver
from porter.runtime.stored.checkpoint import open_file
from porter.runtime.stored.tensor_source import Checkpoint, same_bits
from porter.weights.convert.convert import Target, plan_jobs
from porter.weights.plan.plan import Plan


def check_written(plan: Plan, checkpoint: Checkpoint, files: Sequence[Path], target: Target) -> None:
    """Every variable of the plan stands in exactly one file, with the checkpoint's bits.

    Raises:
        LeftOver: one is absent, there twice, or differs, so the disk or the writer failed.
    """
    checkpoint = plan.view(checkpoint)
    with ExitStack() as stack:
        opened = [stack.enter_context(open_file(file)) for file in files if not file.name.endswith(".json")]
        written = [name for file in opened for name in file.tensors]
        wanted = {job.entry.key: job for job in plan_jobs(plan, target)}
        if sorted(written) != sorted(wanted):
            odd = sorted(set(written).symmetric_difference(wanted)) or ["a variable written twice"]
            raise LeftOver(f"The written files do not hold what was planned: {odd[0]}.")
        for file in opened:
            for name in file.tensors:
                if not same_bits(file.read(name), wanted[name].array(checkpoint)):
                    raise LeftOver(f"{name} reads back other than it was written.", hint="check the disk")
