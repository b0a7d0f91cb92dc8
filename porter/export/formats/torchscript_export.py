"""TorchScript: the model traced, loaded again where transformers is not installed, and compared."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from porter.base.errors import NotInstalled, UsageError
from porter.export.alone import check_alone
from porter.export.bool_numbers import bools_as_tensors
from porter.export.declaration import Format, Job, Piece, Request
from porter.export.example import torch_example
from porter.export.positional import changeable_length, positional, resized, tensors_of, untied
from porter.subject.inputs.trials import Trial
from porter.subject.inputs.variation import why_not
from porter.subject.torch_model import RUN_ERRORS

MODEL = "model.pt"
Trace = Callable[[Any, tuple[Any, ...]], Any]
"""Makes a script of a module and example tensors."""
NEURON = {"torch_neuronx": "Inf2 and Trn1", "torch_neuron": "Inf1"}
TIED = "tied weights are separate copies in the file, so it must not be trained: {names}."
# What a process does that has PyTorch only.
CODE = """
import torch
model = torch.jit.load(path) if path.endswith(".pt") else torch.export.load(path).module()
with torch.no_grad():
    made_tensors = model(*[torch.from_numpy(array) for array in arrays.values()])
found = {f"output {i}": tensor.numpy() for i, tensor in enumerate(made_tensors)}
"""


def export(job: Job) -> list[Piece]:
    """Trace the model and write it."""
    trial = traced_trial(job)
    file = job.folder / MODEL
    trace = neuron_trace() if job.option("neuron") else _trace
    wrapper, tensors = positional(job.torch, list(trial.inputs)), tensors_of(trial.inputs)
    with untied(job.torch) as tied:
        try:
            script = _quietly(trace, wrapper, tensors)
        except RUN_ERRORS as error:
            reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
            hint = "porter export torch-export writes a .pt2 file"
            raise UsageError(f"{type(job.torch).__name__} cannot be traced: {reason}", hint=hint) from error
        script.save(str(file), _extra_files={"ports.json": json.dumps(ports_of(job.torch, trial))})
    fixed = bool(job.option("neuron"))
    if not fixed:
        check_script_alone(file, trial, wrapper)
    return [piece_of(job, file, trial, tied, fixed)]


def traced_trial(job: Job) -> Trial:
    """The inputs to trace, in the batch and length that the user wants.

    Raises:
        UsageError: there is no text or sound whose length could be chosen, or PyTorch does not run in that size.
    """
    batch, length = job.option("batch"), job.option("max_length")
    trial, name = job.samples.traced, type(job.torch).__name__
    if batch is None and length is None:
        return trial
    if length is not None and all(changeable_length(*each) is None for each in trial.inputs.items()):
        raise UsageError(f"{name} takes nothing whose length --max-length could choose.", hint="leave it out")
    trial = resized(trial, batch, length)
    reason = why_not(job.torch, dict(trial.inputs))
    if reason:
        sizes = ", ".join(f"{name} {list(array.shape)}" for name, array in trial.inputs.items())
        raise UsageError(f"PyTorch does not run {name} on {sizes}: {reason}", hint="--batch and --max-length")
    return trial


def piece_of(job: Job, file: Path, trial: Trial, tied: list[str], fixed: bool = False) -> Piece:
    """The written file, to be compared on the traced inputs, which must match, and on all others, unless ``fixed``."""
    others = () if fixed else tuple(each for each in job.samples.trials if each.name != trial.name)
    notes = (TIED.format(names=", ".join(tied)),) if tied else ()
    facts = {"traced": {name: list(array.shape) for name, array in trial.inputs.items()}, "fixed": fixed}
    return Piece(file, job.torch, (trial, *others), notes=notes, facts=facts, required=frozenset({trial.name}))


def _quietly(trace: Trace, wrapper: Any, tensors: tuple[Any, ...]) -> Any:
    """Tracing warns of every number in the code: the comparison on other sizes tells which of them matter."""
    import torch

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return trace(wrapper, tensors)


def _trace(wrapper: Any, tensors: tuple[Any, ...]) -> Any:
    import torch

    with bools_as_tensors():
        return torch.jit.trace(wrapper, tensors, check_trace=False)


def check(request: Request) -> None:
    """Refuse to begin for AWS Neuron without its compiler.

    Raises:
        NotInstalled: there is none.
    """
    if request.options.get("neuron"):
        neuron_trace()


def neuron_trace() -> Trace:
    """The compiler's own `trace` for AWS Neuron.

    Raises:
        NotInstalled: there is none. The packages of its name on the index are empty.
    """
    import importlib

    for package in NEURON:
        try:
            found: Any = importlib.import_module(package)
        except ImportError:
            continue
        if hasattr(found, "trace"):
            trace: Trace = found.trace
            return trace
    kinds = ", ".join(f"{package} ({chips})" for package, chips in NEURON.items())
    raise NotInstalled(
        f"No Neuron compiler is installed: {kinds}.",
        hint="install it from its vendor, as AWS Neuron's documentation says",
    )


def ports_of(model: Any, trial: Trial) -> Mapping[str, list[dict[str, Any]]]:
    """What inputs and outputs are called, which the file keeps by position only."""
    import torch

    with torch.no_grad():
        outputs = model(**dict(zip(trial.inputs, tensors_of(trial.inputs), strict=True)))
    named = {name: value.numpy() for name, value in outputs.items() if torch.is_tensor(value)}
    return {"inputs": _told(trial.inputs), "outputs": _told(named)}


def _told(arrays: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "dtype": array.dtype.name} for name, array in arrays.items()]


def check_script_alone(file: Path, trial: Trial, wrapper: Any) -> None:
    """Run the file in a process that has PyTorch only.

    Raises:
        LeftOver: it cannot be loaded there, or gives something else.
    """
    import torch

    with torch.no_grad():
        expected = wrapper(*tensors_of(trial.inputs))
    check_alone(file, CODE, trial.inputs, {f"output {i}": tensor.numpy() for i, tensor in enumerate(expected)})


FORMAT = Format(
    "torchscript",
    "a TorchScript file, traced; with --neuron compiled for AWS Neuron",
    ("torch",),
    frozenset({"batch", "max_length", "neuron"}),
    export,
    copies=2.5,
    example=torch_example,
    check=check,
)
