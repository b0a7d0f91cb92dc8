"""Compare two recorded runs module by module and decide which module is wrong by itself."""

from __future__ import annotations

import functools
import inspect
import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from diffcheck import tf_side, torch_side
from diffcheck.align import compare_modules
from diffcheck.compare import Comparison
from diffcheck.metrics import EXACT, Bound
from diffcheck.pair import Pairing
from diffcheck.recording import Crash, ModuleCall, Recording, Structure, flat_arguments
from diffcheck.replay import Arguments, arguments_for
from diffcheck.report import DoubleRun, ModuleResult, Verdict
from diffcheck.sources import crash_of
from diffcheck.values import Flattened

SUSPICIOUS = 4.0
"""A module alone is looked at again in float64 from this multiple of the model's own median difference."""
CERTAIN = 1000.0
"""Where float64 cannot decide and the bound is kept, only this multiple counts as a bug."""
AMPLIFIES = 10.0
"""Relative error out over relative error in, from which a module that is right by itself amplifies."""

_ROUNDING = 2.0**-24


@dataclass(frozen=True)
class Runs:
    """One recorded run of each side, and which module is which."""

    reference: Recording
    candidate: Recording
    structures: tuple[Structure, Structure]
    pairing: Pairing


@dataclass(frozen=True)
class Models(Runs):
    """The same with the models themselves, so that modules can be run again."""

    torch_model: Any
    tf_model: Any
    layers: Mapping[str, Any]

    @functools.cached_property
    def entered(self) -> dict[tuple[str, int], ModuleCall]:
        """The TensorFlow layers' calls by path and number, those that a crash broke off too."""
        calls = (*self.candidate.calls, *self.candidate.unfinished)
        return {(call.path, call.number): call for call in calls}


def examine_flow(runs: Runs, bound: Bound) -> tuple[ModuleResult, ...]:
    """Every module that ran, in the order in which PyTorch entered them, compared in flow only.

    Without isolated runs, a module counts as origin if it differs, its inputs do not, and no module below it is such.
    """
    calls, others = runs.reference.by_path(), runs.candidate.by_path()
    order = sorted(calls, key=lambda path: calls[path][0].order)
    results = {path: _in_flow(path, calls[path], others, runs, bound) for path in order}
    wrong = {path for path, result in results.items() if _starts_here(result, calls[path], others, bound)}
    return tuple(
        replace(result, verdict=_verdict(result, path in wrong and not any(is_below(o, path) for o in wrong)))
        for path, result in results.items()
    )


def examine(models: Models, bound: Bound) -> tuple[ModuleResult, ...]:
    """Every module that ran, in the order in which PyTorch entered them, in flow and alone, with a verdict."""
    calls, others = models.reference.by_path(), models.candidate.by_path()
    order = sorted(calls, key=lambda path: calls[path][0].order)
    results = {path: _in_flow(path, calls[path], others, models, bound) for path in order}
    single = {path: [_alone(call, models, bound) for call in calls[path]] for path in order if _ran(path, models)}
    return judged(results, single, lambda paths: _confirm(paths, single, models))


def judged(
    results: Mapping[str, ModuleResult],
    single: Mapping[str, list[Alone]],
    confirm: Callable[[list[str]], dict[str, DoubleRun]],
) -> tuple[ModuleResult, ...]:
    """Verdicts from what modules did alone; ``confirm`` runs those that are given to it in float64."""
    worst = {
        path: found
        for path, runs in single.items()
        for found in [_worst(run.comparison for run in runs)]
        if found is not None
    }
    suspects = _suspects(worst)
    checked = confirm(suspects)
    bugs = {path for path in suspects if _is_bug(checked[path], worst[path], worst)}
    divided = _divided_otherwise(bugs, single, confirm)
    bugs -= divided
    bugs |= {path for path, runs in single.items() if any(run.crash for run in runs)}
    return tuple(_judged(result, single, worst, checked, (bugs, divided)) for result in results.values())


def _judged(
    result: ModuleResult,
    single: Mapping[str, list[Alone]],
    worst: Mapping[str, Comparison],
    checked: Mapping[str, DoubleRun],
    wrong: tuple[set[str], set[str]],
) -> ModuleResult:
    path, (bugs, divided) = result.path, wrong
    reason = "; ".join(dict.fromkeys(run.problem for run in single.get(path, ()) if run.problem))
    run = _worst_run(single[path]) if single.get(path) else None
    result = replace(
        result,
        alone=worst.get(path),
        float64=checked.get(path),
        worst_call=run.call.number if run else 0,
        crash=run.crash if run else None,
    )
    verdict = _verdict(result, path in bugs and not any(is_below(other, path) for other in bugs))
    if path in divided:
        reason, verdict = "the module around it is exact, so the port divides the work in another way", "unpaired"
    return replace(result, reason=result.reason or reason, verdict=verdict)


def is_below(path: str, ancestor: str) -> bool:
    """Whether a module stands below another in the tree."""
    return path != ancestor and (not ancestor or path.startswith(f"{ancestor}."))


@dataclass(frozen=True)
class Alone:
    """One call of a module's partner on PyTorch's inputs, compared; or the problem that there was instead."""

    call: ModuleCall
    comparison: Comparison | None
    problem: str = ""
    crash: Crash | None = None


def _ran(path: str, models: Models) -> bool:
    """Whether the partner of a module was entered, so that it can be called alone."""
    return (models.pairing.modules.get(path), 0) in models.entered


def _in_flow(
    path: str, calls: list[ModuleCall], others: Mapping[str, list[ModuleCall]], models: Runs, bound: Bound
) -> ModuleResult:
    tf_path = models.pairing.modules.get(path)
    result = ModuleResult(path, tf_path, calls[0].class_name, "unpaired")
    if tf_path is None:
        reasons = [item.reason for item in models.pairing.unpaired if item.path == path]
        return replace(result, reason=reasons[0] if reasons else "")
    if tf_path not in others:
        return replace(result, reason=f"the layer {tf_path or '(model)'} was never called")
    made = others[tf_path]
    note = "" if len(made) == len(calls) else f"called {len(made)} times, by PyTorch {len(calls)} times"
    pairs = list(zip(calls, made, strict=False))
    compared = [compare_modules(call.output, other.output, bound) for call, other in pairs]
    factors = [
        _amplification(call, other, comparison) for (call, other), comparison in zip(pairs, compared, strict=True)
    ]
    known = [factor for factor in factors if factor is not None]
    return replace(
        result, verdict="clean", in_flow=_worst(compared), amplification=max(known, default=None), reason=note
    )


def _starts_here(
    result: ModuleResult, calls: list[ModuleCall], others: Mapping[str, list[ModuleCall]], bound: Bound
) -> bool:
    """Whether outputs differ in a call whose inputs do not."""
    if result.in_flow is None or result.in_flow.matches or not calls[0].arguments:
        return False
    for call, other in zip(calls, others[result.tf_path or ""], strict=False):
        if not compare_modules(call.output, other.output, bound).matches:
            inputs = _compare_inputs(call, other, bound)
            return bool(inputs.tensors) and inputs.matches
    return False


def _compare_inputs(call: ModuleCall, other: ModuleCall, bound: Bound) -> Comparison:
    return compare_modules(
        Flattened(flat_arguments(call.arguments)), Flattened(flat_arguments(other.arguments)), bound
    )


def _amplification(call: ModuleCall, other: ModuleCall, comparison: Comparison) -> float | None:
    inputs = _compare_inputs(call, other, Bound()).relative
    if not 0 < inputs < math.inf or not comparison.relative < math.inf:
        return None
    return comparison.relative / inputs


def arguments_alone(call: ModuleCall, models: Models, double: bool = False) -> Arguments:
    """What to call the partner of a module with, so that it gets the inputs of PyTorch's ``call``.

    Raises:
        LookupError: the layer was not called that often.
    """
    tf_path = models.pairing.modules[call.path]
    if (tf_path, call.number) not in models.entered:
        raise LookupError(f"{tf_path} was called less often than its module.")
    accepted = inspect.signature(models.layers[tf_path].call).parameters
    return arguments_for(models.entered[tf_path, call.number].arguments, call.arguments, accepted, double)


def _alone(call: ModuleCall, models: Models, bound: Bound, double: bool = False) -> Alone:
    layer = models.layers[models.pairing.modules[call.path]]
    if not call.path and not double and models.candidate.crash is None:
        # The whole model was given PyTorch's own inputs already.
        return Alone(call, compare_modules(call.output, models.candidate.output, bound))
    try:
        arguments = arguments_alone(call, models, double)
    except LookupError:
        return Alone(call, None, "no call of the layer to take its other inputs from")
    try:
        expected = torch_side.replay(models.torch_model, call, True) if double else call.output
        actual = tf_side.call_layer(layer, arguments.values)
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
        crash = crash_of(error, call.path, layer)
        return Alone(call, None, f"alone it stopped with {crash.message}", crash)
    problem = f"kept its own {', '.join(arguments.kept)}" if arguments.kept else ""
    return Alone(call, compare_modules(expected, actual, bound), problem)


def _suspects(worst: Mapping[str, Comparison]) -> list[str]:
    floor = _floor(worst)
    return [path for path, c in worst.items() if not c.matches or c.relative > SUSPICIOUS * floor]


def _floor(worst: Mapping[str, Comparison]) -> float:
    sizes = [c.relative for c in worst.values() if 0 < c.relative < math.inf]
    return max(statistics.median(sizes) if sizes else 0.0, _ROUNDING)


def _confirm(suspects: list[str], single: Mapping[str, list[Alone]], models: Models) -> dict[str, DoubleRun]:
    """Run suspicious modules in float64 on both sides."""
    if not suspects:
        return {}
    try:
        with torch_side.in_float64(models.torch_model), tf_side.in_float64(models.tf_model):
            return {path: _double(single[path], models) for path in suspects}
    except (AttributeError, TypeError, ValueError) as error:
        problem = f"the TensorFlow model cannot be widened: {error}"
        return {path: DoubleRun(_relative(single[path]), None, problem) for path in suspects}


def _double(runs: list[Alone], models: Models) -> DoubleRun:
    again = _alone(_worst_run(runs).call, models, Bound(), double=True)
    if again.comparison is None:
        return DoubleRun(_relative(runs), None, again.problem)
    return DoubleRun(_relative(runs), again.comparison.relative)


def _divided_otherwise(
    bugs: set[str], single: Mapping[str, list[Alone]], confirm: Callable[[list[str]], dict[str, DoubleRun]]
) -> set[str]:
    """Modules that differ although the module around them is exact: the port divides the work in another way."""
    parents = {path: max((p for p in single if is_below(path, p)), key=len, default=None) for path in bugs}
    wanted = sorted({parent for parent in parents.values() if parent is not None and parent not in bugs})
    runs = confirm([path for path in wanted if _worst_run(single[path]).comparison])
    exact = {path for path, run in runs.items() if run.double is not None and run.double <= EXACT}
    return {path for path, parent in parents.items() if parent in exact}


def _worst_run(runs: Iterable[Alone]) -> Alone:
    return max(runs, key=lambda run: run.comparison.relative if run.comparison else math.inf if run.crash else -1.0)


def _relative(runs: Iterable[Alone]) -> float:
    return max(run.comparison.relative for run in runs if run.comparison)


def _is_bug(run: DoubleRun, comparison: Comparison, worst: Mapping[str, Comparison]) -> bool:
    if run.is_bug is not None and run.single < math.inf:
        return run.is_bug
    return not comparison.matches or comparison.relative > CERTAIN * _floor(worst)


def _verdict(result: ModuleResult, origin: bool) -> Verdict:
    if origin:
        return "origin"
    if result.in_flow is None:
        return "carries" if result.crash else "unpaired"
    if result.in_flow.matches:
        return "clean"
    return "amplifies" if (result.amplification or 0.0) >= AMPLIFIES and _right(result) else "carries"


def _right(result: ModuleResult) -> bool:
    return result.alone is None or result.alone.matches


def _worst(comparisons: Iterable[Comparison | None]) -> Comparison | None:
    present = [comparison for comparison in comparisons if comparison is not None]
    return max(present, key=lambda c: (not c.matches, c.relative), default=None)
