"""The whole comparison of two models: run, pair, compare, explain."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffcheck.compare.metrics import TOLERANCE, Bound
from diffcheck.compare.outputs import Comparison, compare, compare_flat, noise_between
from diffcheck.compare.padding import padding_notes
from diffcheck.compare.pair import pair
from diffcheck.compare.weight_axes import Axes, as_torch
from diffcheck.explain.culprit import explain
from diffcheck.interrupt import NOTE, Steps
from diffcheck.judge.diagnose import Runs, examine_flow, is_below
from diffcheck.judge.in_flow import Comparer, flow_of
from diffcheck.judge.isolate import Models, examine
from diffcheck.judge.training_step import compare_backward
from diffcheck.judge.variations import REFUSED, compare_cached_step, compare_variations, torch_outputs, torch_step
from diffcheck.judge.whole import run_whole
from diffcheck.record import tf_side, torch_side
from diffcheck.record.copies import Copies, SpillFile
from diffcheck.record.recording import Crash, Recording, Structure
from diffcheck.record.sides import Loader, LoadFailed, Sides, older_objects_left_alone, peak, plan
from diffcheck.record.storage import Stored
from diffcheck.record.values import Flattened, as_tensor, flatten
from diffcheck.show.backward import Backward
from diffcheck.show.report import ModuleResult, Origin, Place, Report, Variation, WeightResult


def _unknown_axes(model: Any) -> Mapping[str, Axes]:
    return {}


@dataclass(frozen=True)
class Options:
    """What to do beyond the outputs.

    ``layer_by_layer`` examines every module even where the outputs match; ``skip`` names outputs that are not
    compared; ``parameters`` pairs PyTorch's names with TensorFlow's where that cannot be found out. ``axes`` is asked
    for the order of the axes of a TensorFlow model's weights, as ``numpy.transpose`` makes it from PyTorch's, by
    PyTorch's names; where it knows none, the order is taken in which the numbers fit. ``gradients`` compares the
    backward pass, ``training`` a step in training mode with dropout off;
    ``max_memory`` is what the process may take, in bytes, by default what one model takes and 1 GiB more.
    ``float64`` runs the whole model in float64 too. ``variations`` are other inputs by name, on which only outputs are
    compared, as is ``cached_step``, a decoder's last token from the cache of those before it.
    """

    tolerance: float = TOLERANCE
    layer_by_layer: bool = False
    skip: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    axes: Callable[[Any], Mapping[str, Axes]] = _unknown_axes
    gradients: bool = False
    training: bool = False
    float64: bool = False
    max_memory: int | None = None
    variations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cached_step: bool = True


class InputsRefused(ValueError):
    """PyTorch itself does not run on the inputs."""


def diff(torch_model: Any, tf_model: Any, inputs: Mapping[str, object], options: Options | None = None) -> Report:
    """Compare a PyTorch model with a TensorFlow model of it on the same inputs (numpy arrays by argument name).

    Both hold their weights already; they are compared first. The report names the first module that differs on
    PyTorch's own inputs. Neither model is changed. In place of a model a :class:`Loader` of one can be given: models
    of a size that matters are then loaded one at a time.

    Raises:
        InputsRefused: PyTorch itself does not run on these inputs.
        TooLittleMemory: ``options.max_memory`` leaves no room for one model.
    """
    with older_objects_left_alone():
        return _diff(Sides(torch_model, tf_model), inputs, options or Options())


def _diff(sides: Sides, inputs: Mapping[str, object], options: Options) -> Report:
    first = _torch_runs(sides, inputs, options)
    steps = Steps()
    runs = steps.run(lambda: _run_tf(sides, inputs, first, options), _without_candidate(first, None))
    steps.interrupted |= bool(runs.candidate.crash and runs.candidate.crash.interrupted)
    return _compared(Models(**vars(runs), sides=sides, inputs=inputs, copies=first.copies), first, options, steps)


def _run_tf(sides: Sides, inputs: Mapping[str, object], first: _TorchRuns, options: Options) -> Runs:
    """Both sides' runs; where the TensorFlow model cannot even be loaded, only where that failed."""
    try:
        model = sides.tf()
    except LoadFailed as failed:
        return _without_candidate(first, failed.crash)
    structure = tf_side.structure(model)
    runs = _tf_against_torch(model, structure, inputs, first, options)
    built = tf_side.variables(model).keys() - {parameter.name for parameter in structure.parameters}
    if not built or (runs.candidate.crash and runs.candidate.crash.interrupted):
        return runs
    # Of layers that were only built by running them nothing was known, so that they had no partners.
    return _tf_against_torch(model, tf_side.structure(model), inputs, first, options)


def _tf_against_torch(
    model: Any, structure: Structure, inputs: Mapping[str, object], first: _TorchRuns, options: Options
) -> Runs:
    pairing = pair(first.structure, structure, options.parameters)
    pairing = replace(pairing, axes=options.axes(model))
    compare = Comparer(first.recording, pairing, Bound(options.tolerance))
    candidate = tf_side.record(model, inputs, as_tensor, compare)
    return Runs(first.recording, candidate, (first.structure, structure), pairing, compare.flow)


def _without_candidate(first: _TorchRuns, crash: Crash | None) -> Runs:
    structure = Structure(tf_side.FRAMEWORK, (), ())
    candidate = Recording(tf_side.FRAMEWORK, (), Flattened({}), crash)
    pairing = pair(first.structure, structure)
    return Runs(first.recording, candidate, (first.structure, structure), pairing, {})


def _compared(models: Models, first: _TorchRuns, options: Options, steps: Steps) -> Report:
    """The report on two runs, and on what the models do when they are run again."""
    crash = models.candidate.crash
    loaded, ran = not (crash and crash.loading), crash is None
    plain = compare_flat(first.recording.output, models.candidate.output, tolerance=options.tolerance)
    no_notes: tuple[str, ...] = ()
    # The models that were loaded last are used first.
    variations = steps.run(lambda: _variations(models, first, options) if ran else (), ())
    outputs, notes = steps.run(lambda: _outputs(models, options, variations), (plain, no_notes))
    double = options.float64 and ran
    whole = steps.run(lambda: run_whole(models.sides, models.inputs, outputs, options.skip) if double else None, None)
    deep = options.layer_by_layer or not outputs.matches or bool(whole and whole.is_bug)
    modules, origin = _examined(models, Bound(options.tolerance), outputs, deep and loaded, steps)
    weights = steps.run(lambda: _weights(models) if loaded else (), ())
    backward = steps.run(lambda: _backward(models, options) if ran else (), ())
    told = (*notes, *_unexercised(models), *_exceeded(options.max_memory), *([NOTE] if steps.interrupted else []))
    return Report(
        outputs, modules, origin, weights, models.pairing.unpaired, crash, told, backward, variations,
        float64=whole, interrupted=steps.interrupted,
    )  # fmt: skip


@dataclass(frozen=True)
class _TorchRuns:
    """What the PyTorch model did, so that it need not be kept: the recording, and its outputs on other inputs."""

    recording: Recording
    structure: Structure
    copies: Copies
    others: Mapping[str, Flattened]
    step: Flattened | None


def _torch_runs(sides: Sides, inputs: Mapping[str, object], options: Options) -> _TorchRuns:
    model = sides.torch()
    if isinstance(sides.given_torch, Loader):
        importlib.import_module("tensorflow")  # so that the memory it takes is counted
    sides.together, in_memory = plan(options.max_memory, torch_side.size(model))
    copies = Copies(in_memory)
    try:
        recording = torch_side.record(model, inputs, copies)
    except REFUSED as error:
        raise InputsRefused(str(error)) from error
    return _TorchRuns(
        recording,
        torch_side.structure(model),
        copies,
        torch_outputs(model, options.variations),
        torch_step(model, inputs) if options.cached_step else None,
    )


def _backward(models: Models, options: Options) -> tuple[Backward, ...]:
    modes = [mode for mode, wanted in ((False, options.gradients), (True, options.training)) if wanted]
    if not modes:
        return ()
    return compare_backward(models.sides, models.inputs, models.pairing, modes, options.tolerance)


def _exceeded(max_memory: int | None) -> list[str]:
    if max_memory is None or peak() <= max_memory:
        return []
    return [f"the bound of {max_memory / 1e9:.1f} GB was exceeded: {peak() / 1e9:.1f} GB of memory were used."]


def record_torch(model: Any, inputs: Mapping[str, object]) -> Stored:
    """Run a PyTorch model and keep what it did, with its own rounding, for :func:`diff_recordings`."""
    recording = torch_side.record(model, inputs)
    noise, _ = _noise(model, inputs, recording)
    return Stored(recording, torch_side.structure(model), flatten(inputs).tensors, noise)


def outputs_torch(model: Any, inputs: Mapping[str, object]) -> Stored:
    """Run a PyTorch model and keep its outputs only, without its rounding: enough to compare outputs with them."""
    recording = Recording(torch_side.FRAMEWORK, (), torch_side.run(model, inputs))
    return Stored(recording, Structure(torch_side.FRAMEWORK, (), ()), flatten(inputs).tensors, {})


def record_tensorflow(model: Any, inputs: Mapping[str, object]) -> Stored:
    """Run a TensorFlow model and keep what it did; of one that crashes, what ran before."""
    recording = tf_side.record(model, inputs)
    return Stored(recording, tf_side.structure(model), flatten(inputs).tensors, {})


def diff_recordings(reference: Stored, candidate: Stored, options: Options | None = None) -> Report:
    """Compare two saved runs, in flow only: no module can be run again.

    Notes say where the two runs were not given the same inputs, and which weights are equal is told by fingerprints.
    """
    options = options or Options()
    structures = (reference.structure, candidate.structure)
    pairing = pair(*structures, options.parameters)
    bound = Bound(options.tolerance)
    flow = flow_of(reference.recording, candidate.recording, pairing, bound)
    runs = Runs(reference.recording, candidate.recording, structures, pairing, flow)
    outputs = compare_flat(
        reference.recording.output,
        candidate.recording.output,
        tolerance=options.tolerance,
        noise=reference.noise,
        skip=options.skip,
    )
    modules = _with_places(examine_flow(runs), structures)
    found = next((module for module in modules if module.verdict == "origin"), None)
    origin = None if found is None else Origin(found.path, found.torch, found.tf)
    notes = (*_other_inputs(reference, candidate), *_other_weights(runs))
    carried = {**reference.sources, **candidate.sources}
    return Report(outputs, modules, origin, (), pairing.unpaired, candidate.recording.crash, notes, sources=carried)


def _other_inputs(reference: Stored, candidate: Stored) -> list[str]:
    compared = compare_flat(Flattened(reference.inputs), Flattened(candidate.inputs), tolerance=0.0)
    return [f"the runs had other inputs: {result.sentence()}" for result in compared.failures]


def _other_weights(runs: Runs) -> list[str]:
    left, right = ({p.name: p for p in side.parameters} for side in runs.structures)
    differing = [
        name for name, other in runs.pairing.parameters.items() if left[name].fingerprint != right[other].fingerprint
    ]
    return [f"weight {name} differs." for name in differing]


def assert_matches(
    torch_model: Any, tf_model: Any, inputs: Mapping[str, object], tolerance: float = TOLERANCE
) -> None:
    """Raise AssertionError with the whole explanation if the two models differ on these inputs."""
    report = diff(torch_model, tf_model, inputs, Options(tolerance, layer_by_layer=True))
    if not report.matches:
        raise AssertionError("\n".join(report.sentences()))


def _variations(models: Models, first: _TorchRuns, options: Options) -> tuple[Variation, ...]:
    sides, tolerance = models.sides, options.tolerance
    found = list(compare_variations(sides, options.variations, first.others, tolerance, options.skip))
    step = compare_cached_step(sides, models.inputs, first.step, tolerance) if first.step else None
    return (*found, step) if step else tuple(found)


def _unexercised(models: Models) -> list[str]:
    """Modules with parameters that this input never reaches: a difference in them would not show."""
    called = {call.path for call in models.reference.calls}
    owners: dict[str, list[str]] = {}
    for module in models.structures[0].modules:
        for name in module.parameters:
            # Parents come first; an owner below takes the place of those above. A tied parameter has several.
            others = [path for path in owners.get(name, []) if not is_below(module.path, path)]
            owners[name] = [*others, module.path]
    idle = dict.fromkeys(paths[0] for paths in owners.values() if not called & set(paths))
    if not idle:
        return []
    return [f"{len(idle)} modules with parameters are never called with these inputs: {', '.join(list(idle)[:8])}"]


def _outputs(models: Models, options: Options, variations: Sequence[Variation]) -> tuple[Comparison, tuple[str, ...]]:
    """The outputs compared; PyTorch's own rounding is measured only where the tolerance alone is passed."""
    tolerance, skip = options.tolerance, options.skip
    reference, candidate, inputs = models.reference, models.candidate, models.inputs
    outputs = compare_flat(reference.output, candidate.output, tolerance=tolerance, skip=skip)
    if outputs.matches or candidate.crash:
        return outputs, ()
    noise, notes = _noise(models.sides.torch(), inputs, reference)
    outputs = compare_flat(reference.output, candidate.output, tolerance=tolerance, noise=noise, skip=skip)
    elsewhere = {each.name: each.on_real for each in variations}
    return outputs, (*notes, *padding_notes(outputs, reference.output, candidate.output, inputs, elsewhere))


def _noise(model: Any, inputs: Mapping[str, object], reference: Recording) -> tuple[dict[str, float], tuple[str, ...]]:
    try:
        double = torch_side.run_double(model, inputs)
    except torch_side.NO_FLOAT64 as error:
        return {}, (f"PyTorch's own rounding is unknown, it does not run in float64: {error}",)
    return noise_between(
        {path: value.array for path, value in reference.output.tensors.items()},
        {path: value.array for path, value in double.tensors.items()},
    ), ()


def _weights(models: Models) -> tuple[WeightResult, ...]:
    """Paired parameters with other values; a transposed or reshaped copy is equal, its fingerprint says so."""
    pairing = models.pairing
    left, right = ({p.name: p for p in side.parameters} for side in models.structures)
    names = [name for name, other in pairing.parameters.items() if left[name].fingerprint != right[other].fingerprint]
    if not names:
        return ()
    file = SpillFile()
    kept = {name: file.append(value) for name, value in torch_side.parameters(models.sides.torch(), names).items()}
    variables = tf_side.variables(models.sides.tf())
    compared = {
        name: _compare_weight(name, kept[name].array, variables[pairing.parameters[name]], pairing.axes.get(name))
        for name in names
    }
    return tuple(
        WeightResult(name, pairing.parameters[name], comparison)
        for name, comparison in compared.items()
        if not comparison.matches
    )


def _compare_weight(name: str, expected: np.ndarray[Any, Any], variable: object, axes: Axes | None) -> Comparison:
    actual = next(iter(flatten(variable).tensors.values())).array
    return compare({name: expected}, {name: as_torch(actual, expected, axes)})


def _with_places(
    modules: tuple[ModuleResult, ...], structures: tuple[Structure, Structure]
) -> tuple[ModuleResult, ...]:
    left, right = ({m.path: m for m in side.modules} for side in structures)
    placed = []
    for module in modules:
        mine, theirs = left[module.path], right.get(module.tf_path or "") if module.tf_path is not None else None
        placed.append(
            replace(
                module,
                torch=Place(mine.file, mine.line) if mine.file else None,
                tf=Place(theirs.file, theirs.line) if theirs and theirs.file else None,
            )
        )
    return tuple(placed)


def _examined(
    models: Models, bound: Bound, outputs: Comparison, deep: bool, steps: Steps
) -> tuple[tuple[ModuleResult, ...], Origin | None]:
    """The modules and the origin, from the recorded runs alone where there is no more time."""
    flow = _with_places(examine_flow(models), models.structures)
    if not deep:
        return flow, None
    modules = steps.run(lambda: _with_places(examine(models, flow, bound), models.structures), flow)
    found = next((module for module in modules if module.verdict == "origin"), None)
    if found is not None:
        return modules, steps.run(lambda: explain(models, found), Origin(found.path, found.torch, found.tf))
    root = next((module for module in modules if not module.path), None)
    if outputs.matches or models.candidate.crash or root is None:
        return modules, None
    # All modules compute what PyTorch's do, up to the order of axes: what the model itself hands out is wrong.
    blamed = tuple(replace(module, verdict="origin") if module is root else module for module in modules)
    return blamed, Origin(root.path, root.torch, root.tf)
