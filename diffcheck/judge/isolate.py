"""Every module alone: without the errors of those before it, and without those of the modules inside it."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from diffcheck.compare.align import compare_modules
from diffcheck.compare.metrics import Bound
from diffcheck.compare.outputs import Comparison
from diffcheck.judge.diagnose import (
    SUSPICIOUS,
    Alone,
    Runs,
    floor_of,
    is_below,
    judged,
    suspicious,
    worst_of,
    worst_run,
)
from diffcheck.judge.forced import run_forced
from diffcheck.judge.replay import Arguments, arguments_for
from diffcheck.judge.tf_float64 import in_float64
from diffcheck.record import tf_side, torch_side
from diffcheck.record.copies import Copies
from diffcheck.record.recording import ModuleCall
from diffcheck.record.sides import Sides
from diffcheck.record.sources import crash_of
from diffcheck.record.values import Flattened
from diffcheck.show.report import DoubleRun, ModuleResult

_Single = dict[str, list[Alone]]


@dataclass(frozen=True)
class Models(Runs):
    """Two runs with the models themselves, so that modules can be run again, and the inputs of the runs.

    ``copies`` has copied PyTorch's tensors, and knows what may still stay in memory.
    """

    sides: Sides
    inputs: Mapping[str, object]
    copies: Copies

    @functools.cached_property
    def entered(self) -> frozenset[tuple[str, int]]:
        """The TensorFlow layers' calls by path and number, those that a crash broke off too."""
        return frozenset((call.path, call.number) for call in (*self.candidate.calls, *self.candidate.unfinished))

    @functools.cached_property
    def arguments(self) -> dict[tuple[str, int], Mapping[str, object]]:
        """What each of these calls was given; the TensorFlow model is run once more to know it."""
        again = tf_side.record(self.sides.tf(), self.inputs, self.copies, _without_output)
        if again.crash and again.crash.interrupted:
            raise KeyboardInterrupt
        return {(call.path, call.number): call.arguments for call in (*again.calls, *again.unfinished)}


def _without_output(call: ModuleCall) -> ModuleCall:
    return replace(call, output=Flattened({}))


def examine(models: Models, flow: Iterable[ModuleResult], bound: Bound) -> tuple[ModuleResult, ...]:
    """The modules that were compared in flow, examined alone too, with a verdict.

    One run, in which each layer's result is replaced by PyTorch's, screens all of them. What is suspicious there is
    run again with everything inside it, on PyTorch's own inputs. If that is right, the module around it gave it wrong
    inputs, and is run again too.
    """
    results = {result.path: result for result in flow}
    calls = models.reference.by_path()
    screened = run_forced(models.sides, models.inputs, models, bound)
    single: _Single = {
        path: screened[path] if path in screened else [_alone(call, models, bound) for call in calls[path]]
        for path in results
        if _ran(path, models)
    }
    _run_again(single, set(screened), models, bound)
    harmless = _Harmless(models, bound, worst_of(screened), worst_of(single))
    return judged(results, single, lambda paths: _confirm(paths, single, models), harmless)


@dataclass(frozen=True)
class _Harmless:
    """Which modules put out other values than PyTorch's without consequence: the port divides the work otherwise.

    The model is run once more for each, with PyTorch's results for all modules but this one. If its own result makes
    every other module right, or leaves it as it was, the result is only another quantity.
    """

    models: Models
    bound: Bound
    screened: Mapping[str, Comparison]
    single: Mapping[str, Comparison]

    def __call__(self, paths: set[str]) -> set[str]:
        """Those of ``paths`` that come before the first real mistake: which is all that finding it needs."""
        found: set[str] = set()
        while True:
            left = paths - found
            innermost = [path for path in self.single if path in left and not any(is_below(o, path) for o in left)]
            first = innermost[0] if innermost else ""
            if not first or first not in self.screened:
                return found
            if not self._is_done_later(first) and not self._is_harmless(first, found):
                return found
            found.add(first)

    def _is_done_later(self, path: str) -> bool:
        """Whether the layer puts out what PyTorch has after a module beside it, or around it: it does more at once."""
        calls = self.models.reference.by_path()
        call = calls[path][0]
        beside = [other for other in self.models.reference.calls if other.order > call.order]
        following = [other for other in beside if parent_of(other.path) == parent_of(path)]
        around = [calls[other][0] for other in calls if other and is_below(path, other)]
        layer = self.models.sides.layers()[self.models.pairing.modules[path]]
        try:
            actual = tf_side.call_layer(layer, arguments_alone(call, self.models).values)
        except Exception:  # noqa: BLE001 - a layer that stops alone does nothing that could be found elsewhere
            return False
        return any(compare_modules(other.output, actual, self.bound).matches for other in (*following, *around))

    def _is_harmless(self, path: str, known: set[str]) -> bool:
        free = frozenset((*known, path))
        again = worst_of(run_forced(self.models.sides, self.models.inputs, self.models, self.bound, free))
        right = SUSPICIOUS * floor_of(self.single)
        around = [other for other in again if is_below(path, other)]
        # Of another shape, its result was never replaced: what is around it shows its error anyway, or stops.
        if math.isinf(self.screened[path].relative) and (
            self.models.candidate.crash is not None or any(again[other].relative > right for other in around)
        ):
            return False
        return self.screened.keys() <= again.keys() and all(
            found.relative <= right or math.isclose(found.relative, self.screened[other].relative, rel_tol=0.01)
            for other, found in again.items()
            if not any(other == one or is_below(other, one) for one in free)
        )


def _run_again(single: _Single, screened: set[str], models: Models, bound: Bound) -> None:
    """Replace screening by runs alone for suspicious modules, and for those whose code may be the reason."""
    calls, worst = models.reference.by_path(), worst_of(single)
    for suspect in [path for path in suspicious(worst) if path in screened]:
        path: str | None = suspect
        while path is not None:
            if path in screened:
                screened.discard(path)
                single[path] = [_alone(call, models, bound) for call in calls[path]]
            found = worst_run(single[path]).comparison
            enough = 0.5 * worst[suspect].relative if path == suspect else SUSPICIOUS * floor_of(worst)
            if found is None or not found.matches or found.relative > enough:
                break
            # What is right on PyTorch's own inputs was given wrong ones: by the module around it, or further up.
            path = max((other for other in single if is_below(path, other)), key=len, default=None)


def inside_of(models: Models, tf_path: str) -> tuple[Any, ...]:
    """The layers below a layer that have no partner of their own: their work is the layer's own."""
    partners = set(models.pairing.modules.values())
    return tuple(
        part for name, part in models.sides.layers().items() if is_below(name, tf_path) and name not in partners
    )


def parent_of(path: str) -> str:
    """The path of the module around, or of the list that it stands in."""
    return path.rpartition(".")[0]


def _ran(path: str, models: Models) -> bool:
    """Whether the partner of a module was entered, so that it can be called alone."""
    return (models.pairing.modules.get(path), 0) in models.entered


def arguments_alone(call: ModuleCall, models: Models, double: bool = False) -> Arguments:
    """What to call the partner of a module with, so that it gets the inputs of PyTorch's ``call``.

    Raises:
        LookupError: the layer was not called that often.
    """
    tf_path = models.pairing.modules[call.path]
    if (tf_path, call.number) not in models.entered:
        raise LookupError(f"{tf_path} was called less often than its module.")
    accepted = inspect.signature(models.sides.layers()[tf_path].call).parameters
    return arguments_for(models.arguments[tf_path, call.number], call.arguments, accepted, double)


def _alone(call: ModuleCall, models: Models, bound: Bound, wide_torch: Any = None) -> Alone:
    """One call; in float64 if a PyTorch model is given that is in it already, as the TensorFlow model must be."""
    layer = models.sides.layers()[models.pairing.modules[call.path]]
    if not call.path and wide_torch is None and models.candidate.crash is None:
        # The whole model was given PyTorch's own inputs already.
        return Alone(call, compare_modules(call.output, models.candidate.output, bound))
    try:
        arguments = arguments_alone(call, models, wide_torch is not None)
    except LookupError:
        return Alone(call, None, "no call of the layer to take its other inputs from")
    try:
        expected = call.output if wide_torch is None else torch_side.replay(wide_torch, call, True)
        actual = tf_side.call_layer(layer, arguments.values)
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
        inside = inside_of(models, models.pairing.modules[call.path])
        crash = crash_of(error, call.path, (layer, *inside))
        return Alone(call, None, f"alone it stopped with {crash.message}", crash)
    problem = f"kept its own {', '.join(arguments.kept)}" if arguments.kept else ""
    return Alone(call, compare_modules(expected, actual, bound), problem)


def _confirm(suspects: list[str], single: _Single, models: Models) -> dict[str, DoubleRun]:
    """Run suspicious modules in float64 on both sides."""
    if not suspects:
        return {}
    partners = [models.pairing.modules[path] for path in suspects]
    models.arguments.keys()  # the TensorFlow model is run for them, which has to be before it is widened
    part = models.sides.torch_part(frozenset(suspects))
    try:
        with torch_side.in_float64(part, suspects), in_float64(models.sides.tf(), partners):
            return {path: _double(single[path], models, part) for path in suspects}
    except (AttributeError, TypeError, ValueError) as error:
        problem = f"the TensorFlow model cannot be widened: {error}"
        return {path: DoubleRun(_relative(single[path]), None, problem) for path in suspects}


def _double(runs: list[Alone], models: Models, wide_torch: Any) -> DoubleRun:
    again = _alone(worst_run(runs).call, models, Bound(), wide_torch)
    if again.comparison is None:
        return DoubleRun(_relative(runs), None, again.problem)
    return DoubleRun(_relative(runs), again.comparison.relative)


def _relative(runs: Iterable[Alone]) -> float:
    return max(run.comparison.relative for run in runs if run.comparison)
