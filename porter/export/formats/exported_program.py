"""An exported program of PyTorch's (`.pt2`), for models that cannot be traced."""

from __future__ import annotations

import json
import warnings

from porter.base.errors import UsageError
from porter.export.axes import axes_of
from porter.export.declaration import Format, Job, Piece
from porter.export.example import torch_example
from porter.export.formats.torchscript_export import check_script_alone, piece_of, ports_of, traced_trial
from porter.export.positional import positional, tensors_of
from porter.subject.torch_model import RUN_ERRORS

MODEL = "model.pt2"


def export(job: Job) -> list[Piece]:
    """Export the program with changeable batch and length, unless `--static`, and write it."""
    import torch

    trial = traced_trial(job)
    wrapper = positional(job.torch, list(trial.inputs))
    auto = torch.export.Dim.AUTO
    shapes = tuple(dict.fromkeys(axes_of(name, array.ndim), auto) for name, array in trial.inputs.items())
    static = bool(job.option("static"))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.export.export(
                wrapper, tensors_of(trial.inputs), dynamic_shapes=None if static else (shapes,), strict=False
            )
        except RUN_ERRORS as error:
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise UsageError(f"PyTorch does not export {type(job.torch).__name__}: {reason}") from error
        file = job.folder / MODEL
        torch.export.save(program, str(file), extra_files={"ports.json": json.dumps(ports_of(job.torch, trial))})
    check_script_alone(file, trial, wrapper)
    return [piece_of(job, file, trial, [], static)]


FORMAT = Format(
    "torch-export",
    "an exported program of PyTorch's, .pt2",
    ("torch",),
    frozenset({"batch", "max_length", "static"}),
    export,
    copies=2.5,
    example=torch_example,
)
