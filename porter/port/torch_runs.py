"""What PyTorch gives on all inputs that a port is compared on, and what the port gives on them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck import Comparison, compare, noise_between
from diffcheck.record.torch_side import in_float64, widen
from diffcheck.record.values import flatten
from porter.port.call_port import call_port, in_graph
from porter.port.class_result import Side
from porter.port.coverage import Coverage, coverage
from porter.port.failure_text import where_it_failed
from porter.port.lines_run import Lines
from porter.runtime.model.recorded import RECORDED
from porter.subject import InputSpec
from porter.subject.inputs.arrays import Inputs, numpy_inputs
from porter.subject.inputs.further_runs import FurtherRun, further_runs, gives_cache
from porter.subject.inputs.states import PAST
from porter.subject.inputs.variation import checked_variation, torch_inputs
from porter.subject.torch_model import RUN_ERRORS

SWITCHES = ("return_dict", "use_cache", *RECORDED)


@dataclass(frozen=True)
class InGraph:
    """How a port compares in a graph.

    Attributes:
        side: the comparison.
        unknown: the axes of the inputs that the graph did not know, as "input_ids 0, 1".
        needs: what stopped the graph that knew no size that can vary; empty where none did.
    """

    side: Side
    unknown: tuple[str, ...]
    needs: str = ""


@dataclass(frozen=True)
class TorchRuns:
    """What PyTorch gave, for the port to give too.

    Attributes:
        model: the PyTorch model.
        specs: the inputs that were traced.
        inputs: of the plain call, by argument name.
        other: the same in the sizes that were traced.
        flags: what the plain call was asked to record.
        reference: its outputs.
        noise: their float32 rounding, by output.
        comparable: whether PyTorch gives the same numbers each time.
        further: the calls beside it.
        refused: the arguments that it does not take in this configuration, and why.
        has_cache: whether the model gives a cache when it is asked for one.
    """

    model: Any
    specs: tuple[InputSpec, ...]
    inputs: Inputs
    other: Inputs
    flags: Mapping[str, bool]
    reference: Any
    noise: Mapping[str, float]
    comparable: bool
    further: tuple[FurtherRun, ...]
    refused: Mapping[str, str]
    has_cache: bool

    def eager(self, port: Any) -> Side:
        """The port's plain call, and the further ones, each with its name in front of what went wrong."""
        side = self._check(self.reference, lambda: call_port(port, self.inputs, self.flags))
        for run in self.further if side.ok else ():
            found = self._check(run.expected, partial(_run_further, port, run), partial(self._noise_of, run))
            side = side.worse(replace(found, message=f"{run.name}: {found.message}" if found.message else ""))
        return side

    def graph_first(self, load: Callable[[], Any]) -> InGraph:
        """A port that nothing has called yet, in a graph that knows none of the sizes that can vary.

        Where that fails, another one is called in a graph that knows all but the batch and the length of sequences.

        Args:
            load: makes the port.
        """
        side = self._graph(load(), self.inputs, self.reference)
        usual = accepted(self.model, checked_variation(self.model, self.specs, other_axes=False))
        if side.ok or _sizes(usual) == _sizes(self.inputs):
            return InGraph(side, _varied(self.inputs, self.other))
        known = self._graph(load(), usual, _run_torch(self.model, usual)[0])
        if not known.ok:
            return InGraph(side, _varied(self.inputs, self.other))
        return InGraph(known, _varied(usual, self.other), side.message)

    def _graph(self, port: Any, inputs: Inputs, reference: Any) -> Side:
        """The port in a graph; then eagerly."""
        side = self._check(reference, lambda: in_graph(port, inputs, self.other, self.flags))
        then = self._check(reference, lambda: call_port(port, inputs, self.flags))
        return side.worse(replace(then, message=f"eagerly after the graph: {then.message}" if then.message else ""))

    def coverage(self, files: list[Path], ran: Lines) -> Coverage:
        """What ran of the port's class, and which arguments of forward never had a value.

        A cache counts as tried where the model has none in this configuration; switches are always tried.
        """
        given = [name for name, value in self.inputs.items() if value is not None]
        given += [name for run in self.further for name in run.given if name not in SWITCHES]
        tried = {*given, *self.refused, *SWITCHES, *([] if self.has_cache else [PAST])}
        parameters = inspect.signature(self.model.forward).parameters.values()
        others = [p.name for p in parameters if _may_be_none(p) and p.name not in tried]
        return coverage(
            files, f"TF{type(self.model).__name__}", ran, tuple(dict.fromkeys(given)), others, self.refused
        )

    def _check(
        self, expected: Any, forward: Callable[[], Any], measured: Callable[[], Mapping[str, float]] | None = None
    ) -> Side:
        try:
            given = forward()
            found: Comparison = compare(expected, given, noise=self.noise)
            if not found.matches and measured is not None:
                found = compare(expected, given, noise=measured())
        except Exception as error:  # noqa: BLE001  # generated code may fail in any way, and that is the finding
            return Side(False, None, where_it_failed(error))
        if not self.comparable:
            return Side(True, found.max_abs, "it ran; PyTorch's own numbers are not repeatable here")
        return Side(found.matches, found.max_abs, "" if found.matches else found.sentence())

    def _noise_of(self, run: FurtherRun) -> Mapping[str, float]:
        """PyTorch's rounding in a further call; that of the plain one where it does not run in float64."""
        import torch

        if run.before is not None:
            return {path: max(self.noise.values(), default=0.0) for path in flatten(run.expected).tensors}
        try:
            with torch.no_grad(), in_float64(self.model):
                double = self.model(**torch_inputs(self.model, widen(run.inputs)))
        except RUN_ERRORS:
            return self.noise
        return noise_between(run.expected, double)


def _may_be_none(parameter: inspect.Parameter) -> bool:
    named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    return named and parameter.default in (None, parameter.empty)


def torch_runs(model: Any, specs: tuple[InputSpec, ...], comparable: bool) -> TorchRuns:
    """Run the PyTorch model in all ways that the port is compared on."""
    inputs, other = accepted(model, checked_variation(model, specs)), accepted(model, numpy_inputs(specs))
    reference, noise, flags = _reference(model, inputs)
    further, refused = further_runs(model, torch_inputs(model, inputs))
    cached = gives_cache(model, torch_inputs(model, inputs))
    return TorchRuns(model, specs, inputs, other, flags, reference, noise, comparable, tuple(further), refused, cached)


def accepted(model: Any, inputs: Inputs) -> Inputs:
    """The inputs that the model's forward takes, as numpy arrays."""
    return {name: inputs[name] for name in torch_inputs(model, inputs)}


def _reference(model: Any, inputs: Inputs) -> tuple[Any, dict[str, float], Mapping[str, bool]]:
    """PyTorch's outputs, their float32 rounding by output, and what could be recorded with them."""
    import torch

    with torch.no_grad():
        outputs, flags = _run_torch(model, inputs)
        try:
            with in_float64(model):
                double = model(**torch_inputs(model, widen(inputs)), **flags)
        except RUN_ERRORS:  # code that insists on float32 has no float64 reference
            return outputs, {}, flags
    return outputs, noise_between(outputs, double), flags


def _run_torch(model: Any, inputs: Inputs) -> tuple[Any, Mapping[str, bool]]:
    """The outputs with all that can be recorded beside them: some models fail where they are asked for attentions."""
    import torch

    tensors = torch_inputs(model, inputs)
    with torch.no_grad():
        for names in (RECORDED, RECORDED[:1], RECORDED[1:]):
            flags = dict.fromkeys(names, True)
            try:
                return model(**tensors, **flags), flags
            except RUN_ERRORS:
                continue
        return model(**tensors), {}


def _run_further(port: Any, run: FurtherRun) -> Any:
    if run.before is None:
        return call_port(port, run.inputs)
    before = call_port(port, run.before)
    return call_port(port, {**run.inputs, **{name: before[name] for name in run.fed_back}})


def _varied(inputs: Inputs, other: Inputs) -> tuple[str, ...]:
    """The axes that a graph does not know which takes both, as "input_ids 0, 1"."""
    mine, others = _sizes(inputs), _sizes(other)
    found = []
    for name, shape in mine.items():
        axes = [str(at) for at, (one, two) in enumerate(zip(shape, others[name], strict=True)) if one != two]
        found.append(f"{name} {', '.join(axes) or 'none'}")
    return tuple(found)


def _sizes(inputs: Inputs) -> dict[str, tuple[int, ...]]:
    return {name: value.shape for name, value in inputs.items() if isinstance(value, np.ndarray)}
