"""Arrays for the inputs of a case, which any framework can repeat: from a seed, in other sizes, padded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.subject.case import InputSpec

Array = np.ndarray[Any, np.dtype[Any]]
Inputs = dict[str, Any]


def numpy_inputs(
    specs: Sequence[InputSpec], seed: int = 0, batch: int | None = None, length: int | None = None
) -> Inputs:
    """Arrays (or plain python values) by argument name.

    The numbers come from numpy's default_rng(seed * 1000 + position of the input). `batch` replaces the leading
    size that the inputs share, `length` their sequence length; sizes that only look alike are not protected, so
    whoever varies them checks that PyTorch runs (`checked_variation`). Inputs called `states.0`, `states.1` are the
    members of the list `states`, `batch.mask` is the entry `mask` of the table `batch`.
    """
    return nested({spec.name: _value(spec, seed * 1000 + i) for i, spec in enumerate(resized(specs, batch, length))})


def given_numbers(name: str, value: object) -> Array:
    """What somebody gives for an input, rows of numbers, as an array.

    Raises:
        UsageError: it does not hold numbers in rows of one length.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise UsageError(f"The rows of {name} are not of one length.", hint="pad them, and give a mask") from error
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{name} does not hold numbers only.")
    return array


def nested(flat: Mapping[str, object]) -> Inputs:
    """Values with dotted names as lists, where all names are numbers, and tables."""
    grouped: dict[str, Any] = {}
    for name, value in flat.items():
        first, dot, rest = name.partition(".")
        if dot:
            grouped.setdefault(first, {})[rest] = value
        else:
            grouped[first] = value
    dotted = {name.partition(".")[0] for name in flat if "." in name}
    return {name: _container(nested(value)) if name in dotted else value for name, value in grouped.items()}


def _container(members: Inputs) -> object:
    return list(members.values()) if all(name.isdigit() for name in members) else members


def each_array(value: Any, change: Callable[[Array], Any]) -> Any:
    """The same lists and tables with every array changed; what is neither stays as it is."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, Mapping):
        return {name: each_array(item, change) for name, item in value.items()}
    return [each_array(item, change) for item in value] if isinstance(value, list) else value


def _value(spec: InputSpec, seed: int) -> object:
    gen: Mapping[str, Any] = spec.gen
    if gen["kind"] == "py":
        return gen["value"]
    draw = np.random.default_rng(seed)
    makers: dict[str, Callable[[], Array]] = {
        "randint": lambda: draw.integers(gen["low"], gen["high"], size=spec.shape),
        "normal": lambda: draw.standard_normal(size=spec.shape) * gen.get("std", 1.0),
        "uniform": lambda: draw.uniform(gen.get("low", 0.0), gen.get("high", 1.0), size=spec.shape),
        "ones": lambda: np.ones(spec.shape),
        "zeros": lambda: np.zeros(spec.shape),
        "arange": lambda: np.broadcast_to(np.arange(spec.shape[-1]), spec.shape),
        "values": lambda: np.array(gen["data"]).reshape(spec.shape),
    }
    return np.ascontiguousarray(makers[gen["kind"]]().astype(np.dtype(spec.dtype)))


def batch_of(specs: Sequence[InputSpec]) -> int | None:
    """The leading size of the first array; None without arrays."""
    return next((spec.shape[0] for spec in specs if spec.shape), None)


def length_of(specs: Sequence[InputSpec]) -> int | None:
    """The sequence length; where only a decoder has one, its; None where there is none."""
    encoder, decoder = _lengths(specs)
    return decoder if encoder is None else encoder


def _lengths(specs: Sequence[InputSpec]) -> tuple[int | None, int | None]:
    """The lengths of the inputs and of the decoder's inputs."""
    decoder = [spec for spec in specs if spec.name.startswith("decoder_")]
    return _length([spec for spec in specs if spec not in decoder]), _length(decoder)


def _length(specs: Sequence[InputSpec]) -> int | None:
    """Ids may carry choices before the length; whatever else is int, or a plain waveform, has it second."""
    for spec in specs:
        if len(spec.shape) >= 2 and spec.name.endswith("input_ids"):
            return spec.shape[-1]
    integers = (spec.shape[1] for spec in specs if len(spec.shape) >= 2 and spec.dtype.startswith("int"))
    waveforms = (spec.shape[1] for spec in specs if len(spec.shape) == 2)
    return next(integers, None) or next(waveforms, None)


def resized(specs: Sequence[InputSpec], batch: int | None = None, length: int | None = None) -> list[InputSpec]:
    """The same inputs with another batch size and length; a decoder's own length changes by as much."""
    old_batch, old_length = batch_of(specs), length_of(specs)
    encoder, decoder = _lengths(specs)
    grown = length - old_length if length is not None and old_length is not None else 0
    result = []
    for spec in specs:
        shape = list(spec.shape)
        own = decoder if spec.name.startswith("decoder_") else encoder
        if batch is not None and shape and shape[0] == old_batch:
            shape[0] = batch
        if own is not None and len(shape) <= 3:
            shape[1:] = [size + grown if size == own else size for size in shape[1:]]
        result.append(reshaped(spec, tuple(shape)))
    return result


def reshaped(spec: InputSpec, shape: tuple[int, ...]) -> InputSpec:
    """Given values are cut off, or go on with their last column; further rows repeat the first ones."""
    if shape == spec.shape or spec.gen["kind"] != "values":
        return replace(spec, shape=shape)
    values = np.array(spec.gen["data"]).reshape(spec.shape)
    for axis, size in enumerate(shape):
        places = np.arange(size)
        places = places % spec.shape[0] if axis == 0 else np.minimum(places, spec.shape[axis] - 1)
        values = np.take(values, places, axis=axis)
    return replace(spec, shape=shape, gen={"kind": "values", "data": values.ravel().tolist()})


def with_padding(specs: Sequence[InputSpec], inputs: Inputs) -> Inputs:
    """The last row of every all-ones attention mask ends in padding, so that masks matter."""
    padded = dict(inputs)
    for spec in specs:
        if spec.name.endswith("attention_mask") and spec.gen["kind"] == "ones" and len(spec.shape) >= 2:
            mask = padded[spec.name] = inputs[spec.name].copy()
            mask[-1, ..., mask.shape[-1] - max(1, mask.shape[-1] // 4) :] = 0
    return padded
