"""What was written is read back and compared bit by bit with the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.errors import LeftOver
from porter.runtime.stored.checkpoint import open_file
from porter.runtime.stored.tensor_source import Checkpoint, same_bits
from porter.weights.convert.convert import plan_jobs
from porter.weights.formats.served_model import Served
from porter.weights.options import Target
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


def check_whole(model: Any, plan: Plan, checkpoint: Checkpoint) -> None:
    """Compare a loaded model's variables bit by bit with the checkpoint.

    Raises:
        LeftOver: one is absent or differs.
    """
    from porter.runtime.model.names import named_variables

    view = plan.view(checkpoint)
    served = model.variables() if isinstance(model, Served) else None
    named = {} if served is not None else {each.path: each.variable for each in named_variables(model).values()}
    for move in plan.moves:
        wanted = move.target.layout.to_keras(view.read(move.source)).astype(move.target.dtype)
        found = served if served is not None else [np.asarray(named[move.target.path])]
        if not any(same_bits(array, wanted) for array in found if array.shape == wanted.shape):
            raise LeftOver(f"{move.target.path} reads back other than it was written.", hint="check the disk")
