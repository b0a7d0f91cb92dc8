"""The inputs of an export: one set that is traced, and several in other sizes on which the file is compared."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.export.onnx_inputs import OnnxInputs
from porter.export.other_sizes import in_another_size
from porter.subject.inputs.arrays import Array, numpy_inputs
from porter.subject.inputs.companions import with_companions
from porter.subject.inputs.for_checkpoint import read_inputs
from porter.subject.inputs.processors import processed_inputs
from porter.subject.inputs.trials import Trial, candidates
from porter.subject.inputs.variation import checked_variation, runs, why_not
from porter.subject.tiny import inputs_that_run
from porter.subject.torch_model import RUN_ERRORS, trial_runs

CHOICES = 2
YOURS, DECLARED = "your inputs", "the declaration's samples"
GIVEN = (YOURS, DECLARED)
"""The trials that are as the user gives them."""


@dataclass(frozen=True)
class Samples:
    """The trial that is traced, and those on which the exported file is compared; all have the same inputs.

    ``notes`` say which axes PyTorch takes in one size only, so that nothing was compared in another.
    """

    traced: Trial
    trials: tuple[Trial, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Given:
    """What the user says of the inputs: a file of arrays, and a declaration of names and axes."""

    inputs: Path | None = None
    declared: OnnxInputs | None = None


def samples_of(model: Any, folder: Path | None, given: Given, choices: bool = False, trust: bool = False) -> Samples:
    """Inputs that PyTorch runs on, each with every input of the fullest; the traced one has padding if any has.

    Args:
        model: the PyTorch model, whose configuration and forward say what it takes.
        folder: whose tokenizer and processors make one of the trials; None has none.
        given: what the user says of the inputs.
        choices: whether each row of text is a set of choices.
        trust: whether processors that lie in the folder may run.

    Raises:
        UsageError: PyTorch runs on none of them.
    """
    accepted = set(inspect.signature(model.forward).parameters)
    processed = processed_inputs(folder, accepted, trust) if folder is not None else {}
    own = [_as_choices(trial) if choices else trial for trial in candidates(model, 0, processed)]
    made = [*_declared(given, model), *own]
    made = [replace(trial, inputs=with_companions(model, trial.inputs, 3 if choices else 2)) for trial in made]
    made = [_restricted(trial, given.declared) for trial in made]
    made = [trial for trial in made if _is_whole(trial, given.declared)]
    check_yours(model, made)
    working = [trial for trial in made if runs(model, dict(trial.inputs))]
    working = working or [trial for trial in _from_signature(model, given) if runs(model, dict(trial.inputs))]
    if not working:
        raise UsageError(
            f"PyTorch does not run {type(model).__name__} on any inputs that porter makes.",
            hint="--inputs FILE.npz gives others, --sample FILE declares them",
        )
    traced = _to_trace(_fullest(working))
    check_axes(given.declared, traced)
    whole = [
        replace(trial, inputs={name: trial.inputs[name] for name in traced.inputs})
        for trial in working
        if set(trial.inputs) == set(traced.inputs)
    ]
    if len({_rows(trial) for trial in whole}) == 1 and _rows(traced) > 1:
        whole.append(Trial(f"{traced.name}, one row", {name: value[:1] for name, value in traced.inputs.items()}))
    other, reason = in_another_size(model, traced)
    return Samples(traced, (*whole, *([other] if other else [])), (reason,) if reason else ())


def _from_signature(model: Any, given: Given) -> Iterator[Trial]:
    """Inputs that `porter scaffold` makes of what forward takes, for models whose inputs have odd shapes."""
    if given.declared is not None:
        return
    try:
        with trial_runs():
            specs = inputs_that_run(model)
            others = checked_variation(model, specs)
    except RUN_ERRORS:
        return
    for name, inputs in (("inputs by their names", numpy_inputs(specs)), ("in other sizes", others)):
        yield Trial(name, {name: value for name, value in inputs.items() if isinstance(value, np.ndarray)})


def _rows(trial: Trial) -> int:
    return min(len(value) for value in trial.inputs.values())


def _to_trace(trials: list[Trial]) -> Trial:
    """A trial of several rows, padded on the left if there is one: a mask of ones alone may vanish from the graph."""
    named = {trial.name: trial for trial in trials}
    usual = ("padded left", "padded right", "padded sound", *GIVEN)
    return next((named[name] for name in usual if name in named), trials[-1])


def _fullest(working: list[Trial]) -> list[Trial]:
    """The trials that have the same inputs as the user's, else those with most."""
    yours = next((trial for trial in working if trial.name == YOURS), None)
    if yours is not None:
        return [trial for trial in working if set(trial.inputs) == set(yours.inputs)]
    most = max(len(trial.inputs) for trial in working)
    return [trial for trial in working if len(trial.inputs) == most]


def _declared(given: Given, model: Any) -> list[Trial]:
    """What the user gives, as trials.

    Raises:
        UsageError: the model does not take one of these inputs, or it is not an array.
    """
    trials = []
    if given.inputs is not None:
        read = read_inputs(given.inputs)
        check_taken(model, read, str(given.inputs))
        odd = [name for name, value in read.items() if not isinstance(value, np.ndarray)]
        if odd:
            raise UsageError(f"{odd[0]} is not an array.", place=str(given.inputs))
        empty = next((name for name, value in read.items() if not value.size), None)
        if empty is not None or not read:
            raise UsageError(f"{empty or 'The file'} holds nothing.", place=str(given.inputs))
        trials.append(Trial(YOURS, read))
    if given.declared is not None:
        check_taken(model, given.declared)
        if given.declared.samples:
            trials.append(Trial(DECLARED, given.declared.samples))
    return trials


def check_taken(model: Any, names: Iterable[str], place: str = "") -> None:
    """Refuse inputs that the model's forward does not name; other arguments it drops without a word.

    Raises:
        UsageError: naming the first of them.
    """
    kinds = inspect.signature(model.forward).parameters.values()
    named = {each.name for each in kinds if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)}
    foreign = [name for name in names if name not in named]
    if foreign and named:
        near = difflib.get_close_matches(foreign[0], named, 1)
        hint = f"did you mean {near[0]}?" if near else f"it takes {', '.join(sorted(named)[:8])}"
        raise UsageError(f"{type(model).__name__} takes no {foreign[0]}.", hint=hint, place=place)


def check_axes(declared: OnnxInputs | None, trial: Trial) -> None:
    """Refuse declared axes that an input does not have, and one name for axes of several sizes.

    Raises:
        UsageError: naming the first of them.
    """
    for name, axes in (declared or {}).items():
        rank = trial.inputs[name].ndim
        odd = next((axis for axis in axes if axis not in range(rank)), None)
        if odd is not None:
            raise UsageError(f"{name} has no axis {odd}.", hint=f"it has 0 to {rank - 1}" if rank else "it has none")
    sizes: dict[str, tuple[str, int]] = {}
    for name, axes in (declared or {}).items():
        for axis, label in axes.items():
            place, size = f"axis {axis} of {name}", trial.inputs[name].shape[axis]
            other, known = sizes.setdefault(label, (place, size))
            if known != size:
                sentence = f"{other} and {place} are both called {label}, and have {known} and {size} elements."
                raise UsageError(sentence, hint="axes of one name have one size")


def check_yours(model: Any, trials: Iterable[Trial]) -> None:
    """Refuse inputs of the user's that PyTorch does not run on.

    Raises:
        UsageError: saying why it does not.
    """
    for trial in trials:
        reason = why_not(model, dict(trial.inputs)) if trial.name in GIVEN else ""
        if reason:
            raise UsageError(f"PyTorch does not run {type(model).__name__} on {trial.name}: {reason}")


def _restricted(trial: Trial, declared: OnnxInputs | None) -> Trial:
    """Only the declared inputs, in their order, with the declaration's own samples where the trial has none."""
    if declared is None:
        return trial
    inputs: Mapping[str, Array] = {**declared.samples, **trial.inputs}
    return replace(trial, inputs={name: inputs[name] for name in declared if name in inputs})


def _is_whole(trial: Trial, declared: OnnxInputs | None) -> bool:
    return declared is None or set(declared) == set(trial.inputs)


def _as_choices(trial: Trial) -> Trial:
    """Each row beside the one that follows it, as two choices."""
    stacked = {
        name: np.stack([np.roll(value, shift, axis=0) for shift in range(CHOICES)], axis=1)
        for name, value in trial.inputs.items()
    }
    return replace(trial, inputs=stacked)
