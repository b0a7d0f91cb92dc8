"""The whole comparison of two models: run, pair, compare, explain."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffcheck import tf_side, torch_side
from diffcheck.compare import Comparison, compare, compare_flat, noise_between
from diffcheck.copies import IN_MEMORY, Copies
from diffcheck.diagnose import Models, Runs, examine, examine_flow, is_below
from diffcheck.explain import explain
from diffcheck.metrics import TOLERANCE, Bound
from diffcheck.padding import padding_notes
from diffcheck.pair import pair
from diffcheck.recording import Recording, Structure
from diffcheck.report import ModuleResult, Origin, Place, Report, Variation, WeightResult
from diffcheck.storage import Stored
from diffcheck.training import compare_backward
from diffcheck.values import Flattened, flatten
from diffcheck.variations import compare_cached_step, compare_variations


@dataclass(frozen=True)
class Options:
    """What to do beyond the outputs.

    ``layer_by_layer`` examines every module even where the outputs match; ``skip`` names outputs that are not
    compared; ``parameters`` pairs PyTorch's names with TensorFlow's where that cannot be found out; ``gradients``
    compares the backward pass, ``training`` a step in training mode with dropout off; beyond ``max_memory`` bytes,
    recorded tensors are kept on disk. ``variations`` are other inputs by name, on which only outputs are compared, as
    is ``cached_step``, a decoder's last token from the cache of those before it.
    """

    tolerance: float = TOLERANCE
    layer_by_layer: bool = False
    skip: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    gradients: bool = False
    training: bool = False
    max_memory: int = IN_MEMORY
    variations: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cached_step: bool = True


def diff(torch_model: Any, tf_model: Any, inputs: Mapping[str, object], options: Options | None = None) -> Report:
    """Compare a PyTorch model with a TensorFlow model of it on the same inputs (numpy arrays by argument name).

    Both hold their weights already; they are compared first. The report names the first module that differs on
    PyTorch's own inputs. Neither model is changed.
    """
    options = options or Options()
    copies = Copies(options.max_memory)
    reference = torch_side.record(torch_model, inputs, copies)
    candidate = tf_side.record(tf_model, inputs, copies)
    structures = (torch_side.structure(torch_model), tf_side.structure(tf_model))
    pairing = pair(*structures, options.parameters)
    outputs, notes = _outputs(torch_model, inputs, reference, candidate, options)
    models = Models(reference, candidate, structures, pairing, torch_model, tf_model, tf_side.layers(tf_model))
    deep = options.layer_by_layer or not outputs.matches
    modules, origin, broken_off = _examined(models, Bound(options.tolerance), deep)
    modes = [mode for mode, wanted in ((False, options.gradients), (True, options.training)) if wanted]
    backward = tuple(
        compare_backward(torch_model, tf_model, inputs, pairing.parameters, options.tolerance, mode)
        for mode in modes
        if candidate.crash is None
    )
    return Report(
        outputs,
        modules,
        origin,
        _weights(models),
        pairing.unpaired,
        candidate.crash,
        (*notes, *broken_off, *_unexercised(models)),
        backward,
        () if candidate.crash else _variations(models, inputs, options),
    )


def record_torch(model: Any, inputs: Mapping[str, object]) -> Stored:
    """Run a PyTorch model and keep what it did, with its own rounding, for :func:`diff_recordings`."""
    recording = torch_side.record(model, inputs)
    noise, _ = _noise(model, inputs, recording)
    return Stored(recording, torch_side.structure(model), flatten(inputs).tensors, noise)


def record_tensorflow(model: Any, inputs: Mapping[str, object]) -> Stored:
    """The same for a TensorFlow model; what ran before a crash is kept."""
    recording = tf_side.record(model, inputs)
    return Stored(recording, tf_side.structure(model), flatten(inputs).tensors, {})


def diff_recordings(reference: Stored, candidate: Stored, options: Options | None = None) -> Report:
    """Compare two saved runs, in flow only: no module can be run again.

    Notes say where the two runs were not given the same inputs, and which weights are equal is told by fingerprints.
    """
    options = options or Options()
    structures = (reference.structure, candidate.structure)
    pairing = pair(*structures, options.parameters)
    runs = Runs(reference.recording, candidate.recording, structures, pairing)
    outputs = compare_flat(
        reference.recording.output,
        candidate.recording.output,
        tolerance=options.tolerance,
        noise=reference.noise,
        skip=options.skip,
    )
    modules = _with_places(examine_flow(runs, Bound(options.tolerance)), structures)
    found = next((module for module in modules if module.verdict == "origin"), None)
    origin = None if found is None else Origin(found.path, found.torch, found.tf)
    notes = (*_other_inputs(reference, candidate), *_other_weights(runs))
    return Report(outputs, modules, origin, (), pairing.unpaired, candidate.recording.crash, notes)


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


def _variations(models: Models, inputs: Mapping[str, object], options: Options) -> tuple[Variation, ...]:
    both = (models.torch_model, models.tf_model)
    found = list(compare_variations(*both, options.variations, options.tolerance, options.skip))
    step = compare_cached_step(*both, inputs, options.tolerance) if options.cached_step else None
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


def _outputs(
    model: Any, inputs: Mapping[str, object], reference: Recording, candidate: Recording, options: Options
) -> tuple[Comparison, tuple[str, ...]]:
    """The outputs compared; PyTorch's own rounding is measured only where the tolerance alone is passed."""
    tolerance, skip = options.tolerance, options.skip
    outputs = compare_flat(reference.output, candidate.output, tolerance=tolerance, skip=skip)
    if outputs.matches or candidate.crash:
        return outputs, ()
    noise, notes = _noise(model, inputs, reference)
    outputs = compare_flat(reference.output, candidate.output, tolerance=tolerance, noise=noise, skip=skip)
    return outputs, (*notes, *padding_notes(outputs, reference.output, candidate.output, inputs))


def _noise(model: Any, inputs: Mapping[str, object], reference: Recording) -> tuple[dict[str, float], tuple[str, ...]]:
    try:
        double = torch_side.run_double(model, inputs)
    except (RuntimeError, TypeError, ValueError) as error:
        return {}, (f"PyTorch's own rounding is unknown, it does not run in float64: {error}",)
    return noise_between(
        {path: value.array for path, value in reference.output.tensors.items()},
        {path: value.array for path, value in double.tensors.items()},
    ), ()


def _weights(models: Models) -> tuple[WeightResult, ...]:
    """Paired parameters with other values; a transposed or reshaped copy is equal, its fingerprint says so."""
    left, right = ({p.name: p for p in side.parameters} for side in models.structures)
    differing = []
    for name, other in models.pairing.parameters.items():
        if left[name].fingerprint != right[other].fingerprint:
            comparison = _compare_weight(name, models.torch_model, other, models.tf_model)
            if not comparison.matches:
                differing.append(WeightResult(name, other, comparison))
    return tuple(differing)


def _compare_weight(name: str, torch_model: Any, other: str, tf_model: Any) -> Comparison:
    expected = torch_side.parameter_array(torch_model, name)
    actual = tf_side.parameter_array(tf_model, other)
    squeezed = [size for size in expected.shape if size != 1]
    options = [
        moved
        for axes in _permutations(actual.ndim)
        for moved in [np.transpose(actual, axes)]
        if [size for size in moved.shape if size != 1] == squeezed
    ]
    results = [compare({name: expected}, {name: moved.reshape(expected.shape)}) for moved in options]
    return min(results, key=lambda c: c.relative, default=compare({name: expected}, {name: actual}))


def _permutations(rank: int) -> list[tuple[int, ...]]:
    return list(itertools.permutations(range(rank))) if rank <= 5 else [tuple(range(rank))]


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
    models: Models, bound: Bound, deep: bool
) -> tuple[tuple[ModuleResult, ...], Origin | None, tuple[str, ...]]:
    """The modules, the origin, and a note if the user broke the search off: what is known until then is kept."""
    modules = _with_places(examine_flow(models, bound), models.structures)
    if not deep:
        return modules, None, ()
    try:
        modules = _with_places(examine(models, bound), models.structures)
        return modules, _origin(modules, models), ()
    except KeyboardInterrupt:
        found = next((module for module in modules if module.verdict == "origin"), None)
        origin = None if found is None else Origin(found.path, found.torch, found.tf)
        return modules, origin, ("interrupted: the search for the cause was broken off.",)


def _origin(modules: tuple[ModuleResult, ...], models: Models) -> Origin | None:
    found = next((module for module in modules if module.verdict == "origin"), None)
    return None if found is None else explain(models, found)
