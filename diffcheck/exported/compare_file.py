"""An exported file against PyTorch: outputs, and each module that the names of its nodes tell of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from diffcheck.compare.align import compare_modules, to_layout
from diffcheck.compare.metrics import Bound
from diffcheck.compare.outputs import Comparison, compare_flat
from diffcheck.compare.pair import Pairing, Unpaired
from diffcheck.explain.culprit import tolerance_for
from diffcheck.exported.graph import ROOT, Array, Graph, NotAnExport, Port, calls_of
from diffcheck.exported.matching import Matched, Matcher, check_sizes, match_inputs, match_outputs
from diffcheck.exported.wrong_operation import explain
from diffcheck.judge.diagnose import Alone, Runs, examine_flow, judged
from diffcheck.judge.in_flow import flow_of
from diffcheck.judge.whole import compared_in_double
from diffcheck.record import torch_side
from diffcheck.record.recording import Crash, ModuleCall, Recording, Structure, fingerprint, flat_arguments
from diffcheck.record.storage import Stored
from diffcheck.record.values import Flattened, TensorValue
from diffcheck.show import summary
from diffcheck.show.heat import heat_map
from diffcheck.show.report import DoubleRun, ModuleResult, Origin, Place, Report

EXACT_IN_FILE = 5e-7
"""Relative difference in float64 up to which values are equal: numbers in the code became float32 in the file."""
UNNAMED = "no operation of the file carries its name"
UNTOLD = "nothing that leaves it has the shape of PyTorch's result"


@dataclass(frozen=True)
class Compared:
    """PyTorch's run and a file; ``model`` is PyTorch's where it is at hand, to be run again."""

    reference: Stored
    graph: Graph
    tolerance: float
    model: Any = None
    float64: bool = False


def compare_export(both: Compared) -> Report:
    """Compare a file with PyTorch's run of the model that it was exported from, on the inputs of that run.

    Raises:
        NotAnExport: the inputs do not fit.
    """
    reference, graph = both.reference, both.graph
    feeds, notes = feeds_of(both)
    try:
        outputs, more = _compare_outputs(both, feeds)
        matched, values = _run(both, feeds)
    except NotAnExport as error:
        missing = compare_flat(reference.recording.output, Flattened({}), tolerance=both.tolerance)
        return Report(missing, (), None, crash=Crash(str(error), str(both.graph.path)), candidate=graph.label)
    pairing, differing = _pairing(reference.structure, matched, graph)
    modules = _modules(both, matched, values, pairing)
    found = next((module for module in modules if module.verdict == "origin"), None)
    origin = None if found is None else _origin(both, found, matched, values)
    notes = (*differing, *notes, *more, *_unmapped(reference, matched))
    whole = _whole(both, feeds, outputs) if both.float64 and both.model is not None else None
    return Report(
        outputs, modules, origin, (), pairing.unpaired, None, notes,
        candidate=graph.label, float64=whole, sources=reference.sources,
    )  # fmt: skip


def outputs_of(both: Compared) -> Comparison:
    """The outputs of the file as it is deployed beside PyTorch's; nothing inside of it is looked at.

    Raises:
        NotAnExport: the inputs do not fit, or the file stops while it runs.
    """
    feeds, _ = feeds_of(both)
    found, _ = _compare_outputs(both, feeds)
    return found


def feeds_of(both: Compared) -> tuple[dict[str, Array], tuple[str, ...]]:
    """PyTorch's inputs under the file's tensor names, in its dtypes."""
    given = {name: value.array for name, value in both.reference.inputs.items()}
    names = match_inputs(both.graph.inputs, given)
    named = {port.name: _in_dtype(given[names[port.name]], port) for port in both.graph.inputs}
    check_sizes(both.graph.inputs, named)
    feeds = {port.tensor: named[port.name] for port in both.graph.inputs}
    unused = [name for name in given if name not in names.values()]
    notes = (f"the file takes no {', '.join(unused)}, which PyTorch was given.",) if unused else ()
    return feeds, notes


def _in_dtype(array: Array, port: Port) -> Array:
    """As the file takes it; some do not say."""
    return array.astype(port.dtype) if port.dtype else array


def _compare_outputs(both: Compared, feeds: Mapping[str, Array]) -> tuple[Comparison, tuple[str, ...]]:
    """The outputs of the file as it is deployed, and a note if only the runtime's optimisations make a difference."""
    reference = both.reference
    expected = reference.recording.output.tensors

    def compared(values: list[Array]) -> Comparison:
        ports = both.graph.outputs
        names = match_outputs(ports, values, expected)
        arrays = {port.name: value for port, value in zip(ports, values, strict=True)}
        actual = {path: TensorValue(arrays[name], arrays[name].dtype.name) for path, name in names.items()}
        common = {path: value for path, value in expected.items() if path in actual} or dict(expected)
        found = compare_flat(Flattened(common), Flattened(actual), tolerance=both.tolerance, noise=reference.noise)
        left = [path for path in expected if path not in common]
        extra = [f"{name} (of the file)" for name in arrays if name not in names.values()]
        return replace(found, skipped=(*found.skipped, *left, *extra))

    outputs = compared(both.graph.deployed(feeds))
    notes = [f"outputs without a counterpart, not compared: {', '.join(outputs.skipped)}"] if outputs.skipped else []
    if not outputs.matches:
        plain = both.graph.run(feeds, [port.tensor for port in both.graph.outputs])
        if compared(plain).matches:
            notes.append("without the runtime's optimisations of the graph the outputs match.")
    return outputs, tuple(notes)


def _whole(both: Compared, feeds: Mapping[str, Array], outputs: Comparison) -> DoubleRun:
    """The whole model in float64 on both sides."""
    ports = both.graph.outputs
    try:
        values = both.graph.run(feeds, [port.tensor for port in ports], double=True)
        expected = torch_side.run_double(both.model, {name: v.array for name, v in both.reference.inputs.items()})
    except (NotAnExport, RuntimeError, TypeError, ValueError) as error:
        return DoubleRun(outputs.relative, None, str(error))
    names = match_outputs(ports, values, expected.tensors)
    arrays = {port.name: value for port, value in zip(ports, values, strict=True)}
    actual = {path: TensorValue(arrays[name], arrays[name].dtype.name) for path, name in names.items()}
    return compared_in_double(expected, Flattened(actual), outputs, exact=EXACT_IN_FILE)


def _run(both: Compared, feeds: Mapping[str, Array]) -> tuple[list[Matched], dict[str, TensorValue]]:
    """Everything that enters or leaves a module, and which of PyTorch's tensors it is."""
    reference, graph = both.reference, both.graph
    calls = calls_of(graph, {module.path for module in reference.structure.modules})
    fetches = dict.fromkeys(t for call in calls for t in (*call.inputs, *call.outputs) if t not in feeds)
    values = {name: TensorValue(array, array.dtype.name) for name, array in feeds.items()}
    for tensor, array in zip(fetches, graph.run(feeds, list(fetches)), strict=True):
        values[tensor] = TensorValue(array, array.dtype.name)
    beside = {name for call in calls for others in call.shared.values() for name in others} - set(values)
    vectors = {name: array for name, array in graph.constants() if name in beside and array.ndim == 1}
    values |= {name: TensorValue(array, array.dtype.name) for name, array in vectors.items()}
    made = {(call.path, call.number): call for call in calls}
    pairs = [
        (call, made[call.path, call.number]) for call in reference.recording.calls if (call.path, call.number) in made
    ]
    given = match_inputs(graph.inputs, {name: value.array for name, value in reference.inputs.items()})
    named = {given[port.name]: port.tensor for port in graph.inputs}
    return Matcher(values).match(pairs, named), values


def _pairing(structure: Structure, matched: list[Matched], graph: Graph) -> tuple[Pairing, tuple[str, ...]]:
    """Modules by the names of nodes, parameters by their names or values, and notes of those that differ.

    An exporter folds weights, so that one with other values is not an error by itself.
    """
    constants = {name: fingerprint(array) for name, array in graph.constants()}
    values = {value: name for name, value in constants.items()}
    parameters, unpaired, notes = {}, [], []
    for parameter in structure.parameters:
        name, print_ = parameter.name, constants.get(parameter.name)
        if parameter.fingerprint in values:
            parameters[name] = values[parameter.fingerprint]
        elif print_ is not None:
            parameters[name] = name
            notes.append(name)
        elif not parameter.constant:
            unpaired.append(Unpaired(torch_side.FRAMEWORK, name, "no constant of the file has its values"))
    modules = {item.reference.path: item.reference.path for item in matched if item.results}
    named = {item.reference.path for item in matched}
    for module in structure.modules:
        if module.path not in modules:
            reason = UNTOLD if module.path in named else UNNAMED
            unpaired.append(Unpaired(torch_side.FRAMEWORK, module.path, reason))
    return Pairing(parameters, modules, tuple(unpaired)), _other_values(notes)


def _other_values(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    what = "1 weight has" if len(names) == 1 else f"{len(names)} weights have"
    return (f"{what} other values in the file: {', '.join(names[:8])}{' ...' if len(names) > 8 else ''}",)


def _modules(
    both: Compared, matched: list[Matched], values: Mapping[str, TensorValue], pairing: Pairing
) -> tuple[ModuleResult, ...]:
    """In flow and alone, judged."""
    reference, bound = both.reference, Bound(both.tolerance)
    calls = tuple(_recorded(item, values) for item in matched if item.results)
    candidate = Recording(both.graph.label, calls, Flattened({}))
    structures = (reference.structure, Structure(both.graph.label, (), ()))
    flow = flow_of(reference.recording, candidate, pairing, bound)
    homes = {module.path: Place(module.file, module.line) for module in reference.structure.modules if module.file}
    results = {
        module.path: replace(module, torch=homes.get(module.path))
        for module in examine_flow(Runs(reference.recording, candidate, structures, pairing, flow))
    }
    if both.model is None:
        return tuple(results.values())
    single: dict[str, list[Alone]] = {}
    for item in matched:
        if item.results:
            single.setdefault(item.reference.path, []).append(_alone(both, item, values, bound))
    by_call = {(item.reference.path, item.reference.number): item for item in matched}

    def confirm(paths: list[str]) -> dict[str, DoubleRun]:
        with torch_side.in_float64(both.model):
            return {path: _double(both, single[path], by_call, values) for path in paths}

    return judged(results, single, confirm)


def _recorded(item: Matched, values: Mapping[str, TensorValue]) -> ModuleCall:
    """The file's call as a recording holds it, under PyTorch's names."""
    return replace(
        item.reference,
        arguments={path: values[tensor] for path, tensor in item.arguments.items()},
        output=Flattened({path: values[tensor] for path, tensor in item.results.items()}),
    )


def _alone(
    both: Compared, item: Matched, values: Mapping[str, TensorValue], bound: Bound, double: bool = False
) -> Alone:
    """The file's nodes of one call, given what PyTorch's module was given."""
    own = [tensor for tensor in item.call.inputs if tensor not in item.arguments.values()]
    if not item.arguments:
        return Alone(item.reference, None, "nothing that enters it could be told")
    try:
        found = both.graph.run(_feeds_alone(item, values), list(item.results.values()), double)
    except NotAnExport as error:
        return Alone(item.reference, None, str(error))
    actual = {path: TensorValue(array, array.dtype.name) for path, array in zip(item.results, found, strict=True)}
    wanted = torch_side.replay(both.model, item.reference, True) if double else item.reference.output
    kept = f"kept its own {', '.join(own)}" if own else ""
    return Alone(item.reference, compare_modules(wanted, Flattened(actual), bound), kept)


def _feeds_alone(item: Matched, values: Mapping[str, TensorValue]) -> dict[str, Array]:
    """PyTorch's inputs of a module for the file's nodes; what PyTorch's has no counterpart for is the file's own."""
    expected = flat_arguments(item.reference.arguments)
    given = {tensor: expected[path] for path, tensor in item.arguments.items()}
    return {
        tensor: _as_in_file(given[tensor], values[tensor]) if tensor in given else values[tensor].array
        for tensor in item.call.inputs
    }


def _as_in_file(expected: TensorValue, own: TensorValue) -> Array:
    """PyTorch's tensor in the layout and dtype of the file's."""
    return np.ascontiguousarray(to_layout(expected, own.array.shape).array.astype(own.array.dtype))


def _double(
    both: Compared,
    runs: list[Alone],
    matched: Mapping[tuple[str, int], Matched],
    values: Mapping[str, TensorValue],
) -> DoubleRun:
    compared = [run for run in runs if run.comparison]
    worst = max(compared, key=lambda run: run.comparison.relative if run.comparison else 0.0)
    single = worst.comparison.relative if worst.comparison else 0.0
    again = _alone(both, matched[worst.call.path, worst.call.number], values, Bound(), double=True)
    if again.comparison is None:
        return DoubleRun(single, None, again.problem)
    return DoubleRun(single, again.comparison.relative, exact=EXACT_IN_FILE)


def _origin(both: Compared, found: ModuleResult, matched: list[Matched], values: Mapping[str, TensorValue]) -> Origin:
    """The origin, and the operation in it where PyTorch's model is at hand."""
    if both.model is None:
        return Origin(found.path, found.torch, Place(str(both.graph.path), 0))
    calls = [item for item in matched if item.reference.path == found.path]
    item = next(item for item in calls if item.reference.number == found.worst_call)
    double = found.float64 is not None and found.float64.double is not None
    feeds = _feeds_alone(item, values)

    def run(tensors: list[str]) -> dict[str, Array]:
        return dict(zip(tensors, both.graph.run(feeds, tensors, double), strict=True))

    with torch_side.in_float64(both.model) if double else nullcontext():
        expected = torch_side.replay(both.model, item.reference, True) if double else item.reference.output
        origin = explain(both.model, found, item, str(both.graph.path), run, tolerance_for(found))
    arrays = run(list(item.results.values()))
    actual = {path: TensorValue(arrays[name], arrays[name].dtype.name) for path, name in item.results.items()}
    given = flat_arguments(item.reference.arguments)
    figures = (*summary.results("result", expected, Flattened(actual)), *summary.inputs(given))
    return replace(origin, heat=heat_map(expected, Flattened(actual)), values=figures)


def _unmapped(reference: Stored, matched: list[Matched]) -> Iterator[str]:
    """Modules that did something in PyTorch and that no node of the file is named after."""
    mapped = {item.reference.path for item in matched if item.results}
    active = dict.fromkeys(call.path for call in reference.recording.calls if not _passes_on(call))
    idle = [path for path in active if path not in mapped]
    if idle and not (mapped - {ROOT}):
        yield "no node of the file is named after a module of PyTorch's: only outputs were compared."
    elif idle:
        shown = ", ".join(idle[:8]) + (f" and {len(idle) - 8} more" if len(idle) > 8 else "")
        number = "1 module" if len(idle) == 1 else f"{len(idle)} modules"
        yield f"{number} could not be found in the file by name: {shown}"


def _passes_on(call: ModuleCall) -> bool:
    """Whether a module returned what it was given, as dropout does, so that nothing of it is left in a file."""
    given = flat_arguments(call.arguments).values()
    return all(any(np.array_equal(made.array, own.array) for own in given) for made in call.output.tensors.values())
