"""Compare two recorded runs module by module and decide which module is wrong by itself."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from diffcheck.compare.outputs import Comparison
from diffcheck.compare.pair import Pairing
from diffcheck.judge.in_flow import CallComparison, Flow
from diffcheck.record.recording import Crash, ModuleCall, Recording, Structure
from diffcheck.show.report import DoubleRun, ModuleResult, Verdict

SUSPICIOUS = 4.0
"""A module alone is looked at again in float64 from this multiple of the model's own median difference."""
CERTAIN = 1000.0
"""Where float64 cannot decide and the bound is kept, only this multiple counts as a bug."""
GROSS = 1e-3
"""Relative difference that would show in whatever is computed from it."""
AMPLIFIES = 10.0
"""Relative error out over relative error in, from which a module that is right by itself amplifies."""

_ROUNDING = 2.0**-24


@dataclass(frozen=True)
class Runs:
    """One recorded run of each side, which module is which, and their calls compared."""

    reference: Recording
    candidate: Recording
    structures: tuple[Structure, Structure]
    pairing: Pairing
    flow: Flow


def examine_flow(runs: Runs) -> tuple[ModuleResult, ...]:
    """Every module that ran, in the order in which PyTorch entered them, compared in flow only.

    Without isolated runs, a module counts as origin if it differs, its inputs do not, and no module below it is such.
    """
    calls, others = runs.reference.by_path(), runs.candidate.by_path()
    order = sorted(calls, key=lambda path: calls[path][0].order)
    results = {path: _in_flow(path, calls[path], others, runs) for path in order}
    wrong = {path for path in results if _starts_here(runs.flow.get(path, {}))}
    return tuple(
        replace(result, verdict=_verdict(result, path in wrong and not any(is_below(o, path) for o in wrong)))
        for path, result in results.items()
    )


def judged(
    results: Mapping[str, ModuleResult],
    single: Mapping[str, list[Alone]],
    confirm: Callable[[list[str]], dict[str, DoubleRun]],
    harmless: Callable[[set[str]], set[str]] = lambda _: set(),
) -> tuple[ModuleResult, ...]:
    """Verdicts from what modules did alone; ``confirm`` runs those that are given to it in float64.

    ``harmless`` answers which of the modules that differ make no other module differ.
    """
    worst = worst_of(single)
    suspects = suspicious(worst)
    checked = confirm(suspects)
    bugs = {path for path in suspects if _is_bug(checked[path], worst[path], worst)}
    divided = set(harmless({path for path in bugs if worst[path].relative > GROSS}))
    divided |= _divided_otherwise(bugs - divided, single, confirm)
    bugs -= divided
    bugs |= {path for path, runs in single.items() if any(run.crash for run in runs) and not _is_right(results[path])}
    return tuple(_judged(result, single, worst, checked, (bugs, divided)) for result in results.values())


def _is_right(result: ModuleResult) -> bool:
    """Whether a layer matches in flow: if it stops alone, it was only not given what it needs."""
    return result.in_flow is not None and result.in_flow.matches


def _judged(
    result: ModuleResult,
    single: Mapping[str, list[Alone]],
    worst: Mapping[str, Comparison],
    checked: Mapping[str, DoubleRun],
    wrong: tuple[set[str], set[str]],
) -> ModuleResult:
    path, (bugs, divided) = result.path, wrong
    reason = "; ".join(dict.fromkeys(run.problem for run in single.get(path, ()) if run.problem))
    run = worst_run(single[path]) if single.get(path) else None
    result = replace(
        result,
        alone=worst.get(path),
        float64=checked.get(path),
        worst_call=run.call.number if run else 0,
        crash=run.crash if run else None,
    )
    inside = any(is_below(other, path) for other in bugs)
    verdict = _verdict(result, path in bugs and not inside)
    if verdict == "amplifies" and inside:
        verdict = "carries"  # it grows by the mistake that is made inside
    if path in divided:
        reason, verdict = "nothing around it differs, so the port divides the work in another way", "unpaired"
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


def _in_flow(path: str, calls: list[ModuleCall], others: Mapping[str, list[ModuleCall]], runs: Runs) -> ModuleResult:
    tf_path = runs.pairing.modules.get(path)
    result = ModuleResult(path, tf_path, calls[0].class_name, "unpaired")
    if tf_path is None:
        reasons = [item.reason for item in runs.pairing.unpaired if item.path == path]
        return replace(result, reason=reasons[0] if reasons else "")
    if tf_path not in others:
        return replace(result, reason=f"the layer {tf_path or '(model)'} was never called")
    made = len(others[tf_path])
    note = "" if made == len(calls) else f"called {made} times, by PyTorch {len(calls)} times"
    compared = runs.flow.get(path, {}).values()
    known = [each.amplification for each in compared if each.amplification is not None]
    worst = _worst(each.output for each in compared)
    return replace(result, verdict="clean", in_flow=worst, amplification=max(known, default=None), reason=note)


def _starts_here(compared: Mapping[int, CallComparison]) -> bool:
    """Whether the first of a module's calls that has other outputs had the same inputs."""
    first = next((compared[number] for number in sorted(compared) if not compared[number].output.matches), None)
    return first is not None and first.starts_here


def worst_of(single: Mapping[str, Iterable[Alone]]) -> dict[str, Comparison]:
    """The worst comparison of each module that has one."""
    found = {path: _worst(run.comparison for run in runs) for path, runs in single.items()}
    return {path: comparison for path, comparison in found.items() if comparison is not None}


def suspicious(worst: Mapping[str, Comparison]) -> list[str]:
    """Modules that differ, or by far more than the others do."""
    floor = floor_of(worst)
    return [path for path, c in worst.items() if not c.matches or c.relative > SUSPICIOUS * floor]


def floor_of(worst: Mapping[str, Comparison]) -> float:
    """The model's own rounding: the median difference of the modules that match."""
    sizes = [c.relative for c in worst.values() if 0 < c.relative < math.inf and c.matches]
    return max(statistics.median(sizes) if sizes else 0.0, _ROUNDING)


def _divided_otherwise(
    bugs: set[str], single: Mapping[str, list[Alone]], confirm: Callable[[list[str]], dict[str, DoubleRun]]
) -> set[str]:
    """Modules that differ although the module around them is exact: the port divides the work in another way."""
    right = [path for path in single if path not in bugs]
    parents = {path: max((p for p in right if is_below(path, p)), key=len, default=None) for path in bugs}
    wanted = sorted({parent for parent in parents.values() if parent is not None})
    runs = confirm([path for path in wanted if worst_run(single[path]).comparison])
    exact = {path for path, run in runs.items() if run.double is not None and run.double <= run.exact}
    return {path for path, parent in parents.items() if parent in exact}


def worst_run(runs: Iterable[Alone]) -> Alone:
    """The call that differs most, a crash before all."""
    return max(runs, key=lambda run: run.comparison.relative if run.comparison else math.inf if run.crash else -1.0)


def _is_bug(run: DoubleRun, comparison: Comparison, worst: Mapping[str, Comparison]) -> bool:
    if run.is_bug is not None and run.single < math.inf:
        return run.is_bug
    return not comparison.matches or comparison.relative > CERTAIN * floor_of(worst)


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
