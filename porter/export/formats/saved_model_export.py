"""A SavedModel of the port, for TensorFlow Serving: batch and length are open, a decoder takes and gives its cache."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porter.base import console
from porter.base.errors import PorterError, UsageError
from porter.base.scratch import scratch_folder
from porter.export.alone import CLOSE, check_alone
from porter.export.cached_signatures import SIGNATURES, arrays_of, cached_function
from porter.export.declaration import Format, Job, Piece
from porter.export.feature import has_cache
from porter.export.other_sizes import OTHER
from porter.export.parts import Part, giving_cache, parts_of
from porter.export.ported_side import LARGEST_FROZEN, fixed_signature, in_a_graph, keras_model
from porter.port.failure_text import where_it_failed
from porter.subject.inputs.arrays import Array
from porter.weights.formats import served_model
from porter.weights.formats.served_model import SERVING

# What a process does that has TensorFlow only: arrays are called SIGNATURE/INPUT there.
CODE = """
sys.modules["torch"] = None
import tensorflow as tf
signatures, found = tf.saved_model.load(path).signatures, {}
for signature in {name.partition("/")[0] for name in arrays}:
    own = {name.partition("/")[2]: array for name, array in arrays.items() if name.startswith(signature + "/")}
    given = {name: tf.constant(array) for name, array in own.items()}
    for name, value in signatures[signature](**given).items():
        found[f"{signature}/{name}"] = value.numpy()
"""
Values = Mapping[str, Array]


def export(job: Job) -> list[Piece]:
    """Make the port, load the weights into it, and write the SavedModel as `pt-to-tf --format saved-model` does."""
    file = job.folder / served_model.FORMAT.file
    traced = job.samples.traced
    with giving_cache(job.torch, False):
        expected = torch_values(job.torch, traced.inputs)
    with scratch_folder() as scratch:
        model = keras_model(job, scratch)
        whole, fixed = _whole(job, model, expected)
        parts, notes = _cached_parts(job, model)
        console.say("writing the SavedModel ...")
        functions = {SERVING: whole, **{SIGNATURES[part.name]: function for part, function in parts}}
        with in_a_graph(model):
            served_model.write_functions(model, file, functions)
    given, wanted = _named(SERVING, traced.inputs), _named(SERVING, expected)
    for part, _ in parts:
        given |= _named(SIGNATURES[part.name], arrays_of(part))
        wanted |= _named(SIGNATURES[part.name], part_values(part))
    check_alone(file, CODE, given, wanted)
    trials = (traced,) if fixed else job.samples.trials
    facts = {"traced": {name: list(array.shape) for name, array in traced.inputs.items()}} if fixed else {}
    return [
        Piece(file, job.torch, trials, notes=(*fixed, *notes), facts=facts),
        *(_piece(file, part) for part, _ in parts),
    ]


def _whole(job: Job, model: Any, expected: Values) -> tuple[Any, tuple[str, ...]]:
    """The whole model as a function, in any batch and length; where its text needs to know them, in those traced."""
    given = job.samples.traced.inputs
    function = served_model.serving_function(model, served_model.signature_of(job.samples.trials))
    reason = _problem(function, given, expected)
    for trial in job.samples.trials:
        if not reason and trial.name.startswith(OTHER):
            with giving_cache(job.torch, False):
                reason = _problem(function, trial.inputs, torch_values(job.torch, trial.inputs))
    if not reason:
        return function, ()
    fixed = served_model.serving_function(model, fixed_signature(job.samples.traced))
    if _problem(fixed, given, expected):  # then the sizes are not what is wrong
        return function, ()
    sizes = ", ".join(f"{name} {list(array.shape)}" for name, array in given.items())
    return fixed, (f"its sizes are fixed at {sizes}: {reason}",)


def _problem(function: Any, given: Values, expected: Values) -> str:
    """Why a function does not give what PyTorch gives; empty where it does."""
    try:
        _check(function, given, expected, SERVING)
    except PorterError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - what a port's text raises in a graph may be anything
        return where_it_failed(error)
    return ""


def _cached_parts(job: Job, model: Any) -> tuple[list[tuple[Part, Any]], tuple[str, ...]]:
    """The parts that go on from keys and values, each with its function; why there are none of a decoder.

    Raises:
        UsageError: they are asked for, and cannot be made.
    """
    torch_model = job.torch
    if not has_cache(type(torch_model), torch_model.config):
        return [], ()
    if not (job.feature.with_past or torch_model.can_generate()):
        return [], ()
    try:
        with giving_cache(torch_model, True):
            parts = parts_of(torch_model, job.samples)
        made = [(part, cached_function(model, torch_model, part)) for part in parts]
        for part, function in made:
            _check(function, arrays_of(part), part_values(part), SIGNATURES[part.name])
    except Exception as error:  # what the port's text raises in a graph may be anything
        reason = str(error) if isinstance(error, PorterError) else where_it_failed(error)
        if job.feature.with_past:
            raise UsageError(f"The port of {job.feature.class_name} has no step from a cache: {reason}") from error
        return [], (f"there is no signature for a step from a cache: {reason}",)
    return made, ()


def _check(function: Any, given: Values, expected: Values, signature: str) -> None:
    """Run a function once before it is written.

    Raises:
        UsageError: it gives something else than PyTorch.
    """
    found = function(dict(given))
    for name, wanted in expected.items():
        scale = max(1.0, float(np.abs(wanted).max(initial=0)))
        if name in found and not np.allclose(found[name], wanted, rtol=0, atol=CLOSE * scale):
            raise UsageError(f"its {signature} gives another {name} than PyTorch.")


def _piece(file: Path, part: Part) -> Piece:
    signature = SIGNATURES[part.name]
    return Piece(
        file, part.module, part.trials, rename=part.rename, part=part.name, signature=signature, caches=part.caches
    )


def part_values(part: Part) -> dict[str, Array]:
    """What PyTorch gives on a part's traced inputs, by the part's names."""
    with giving_cache(part.module, part.caches):
        found = torch_values(part.module, part.traced.inputs)
    named = {part.rename(path, "present"): array for path, array in found.items()}
    return {name: array for name, array in named.items() if name is not None}


def torch_values(module: Any, inputs: Mapping[str, Any]) -> dict[str, Array]:
    """PyTorch's outputs as arrays by path."""
    from diffcheck.record import torch_side

    return {path: value.array for path, value in torch_side.run(module, inputs).tensors.items()}


def _named(signature: str, values: Values) -> dict[str, Array]:
    return {f"{signature}/{name}": array for name, array in values.items()}


FORMAT = Format(
    "saved-model",
    "a SavedModel of the port",
    ("torch", "tensorflow"),
    frozenset({"tf"}),
    export,
    copies=5,
    largest=LARGEST_FROZEN,
)
