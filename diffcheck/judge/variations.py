"""Outputs on other inputs: another length, no padding, and a decoder's second step from the cache of its first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from diffcheck.compare.outputs import Comparison, compare_flat, noise_between
from diffcheck.compare.padding import differs_on_real
from diffcheck.record import tf_side, torch_side
from diffcheck.record.sides import Sides
from diffcheck.record.sources import crash_of
from diffcheck.record.values import Flattened, flatten, is_cache
from diffcheck.show.report import Variation

Inputs = Mapping[str, object]
PAST = "past_key_values"
REFUSED = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What PyTorch raises for inputs that do not fit a model."""
_STEPPED = ("input_ids", "decoder_input_ids")


def torch_outputs(model: Any, others: Mapping[str, Inputs]) -> dict[str, Flattened]:
    """What PyTorch puts out on each of ``others``; inputs that it refuses itself are left out."""
    found = {}
    for name, inputs in others.items():
        with suppress(*REFUSED):
            found[name] = _torch_output(model, inputs, False)
    return found


def torch_step(model: Any, inputs: Inputs) -> Flattened | None:
    """PyTorch's outputs for the last token from its cache of all before it; None where it keeps none."""
    steps = _steps(inputs)
    with suppress(*REFUSED):  # takes no use_cache, or not with these inputs
        return _torch_step(model, *steps) if steps and _keeps_cache(model, steps[0]) else None
    return None


def _keeps_cache(model: Any, inputs: Inputs) -> bool:
    """Whether PyTorch puts out a cache, asked with one row and one token; what it refuses then is left open."""
    tokens = next(np.asarray(inputs[name]) for name in reversed(_STEPPED) if name in inputs)

    def cut(value: object) -> object:
        if not isinstance(value, np.ndarray) or value.shape[:1] != tokens.shape[:1]:
            return value
        return value[:1, :1] if value.shape == tokens.shape else value[:1]

    with suppress(*REFUSED), torch_side.evaluating(model):
        output = model(**torch_side.to_torch({name: cut(value) for name, value in inputs.items()}))
        return is_cache(getattr(output, PAST, None))
    return True


def compare_variations(
    sides: Sides,
    others: Mapping[str, Inputs],
    expected: Mapping[str, Flattened],
    tolerance: float,
    skip: tuple[str, ...] = (),
) -> Iterator[Variation]:
    """Compare whole outputs on each of ``others``, inputs by the name of the variation, with PyTorch's ``expected``.

    PyTorch's own rounding is measured where the tolerance alone is passed.
    """
    for name, outputs in expected.items():
        yield _variation(
            name,
            outputs,
            functools.partial(_widely, sides, others[name]),
            functools.partial(_tf_output, sides, others[name]),
            (tolerance, skip),
            others[name],
        )


def compare_cached_step(sides: Sides, inputs: Inputs, expected: Flattened, tolerance: float) -> Variation:
    """Compare the outputs for the last token, computed from each side's own cache of all tokens before it."""
    steps = _steps(inputs)
    assert steps is not None

    def tensorflow() -> Flattened:
        before = tf_side.call_model(sides.tf(), steps[0])
        return flatten(tf_side.call_model(sides.tf(), {**steps[1], PAST: before[PAST]}))

    def wide() -> Flattened:
        found = _torch_step(sides.torch(), *steps, double=True)
        assert found is not None
        return found

    return _variation("a step from the cache", expected, wide, tensorflow, (tolerance, ()), {})


def _widely(sides: Sides, inputs: Inputs) -> Flattened:
    return _torch_output(sides.torch(), inputs, True)


def _tf_output(sides: Sides, inputs: Inputs) -> Flattened:
    return flatten(tf_side.call_model(sides.tf(), inputs))


def _variation(
    name: str,
    expected: Flattened,
    wide: Callable[[], Flattened],
    tensorflow: Callable[[], Flattened],
    bounds: tuple[float, tuple[str, ...]],
    inputs: Inputs,
) -> Variation:
    tolerance, skip = bounds
    try:
        actual = tensorflow()
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
        return Variation(name, Comparison(()), crash_of(error))
    outputs = compare_flat(expected, actual, tolerance=tolerance, skip=skip)
    if not outputs.matches:
        noise = _noise(expected, wide)
        outputs = compare_flat(expected, actual, tolerance=tolerance, noise=noise, skip=skip)
    return Variation(name, outputs, on_real=differs_on_real(outputs, expected, actual, inputs))


def _noise(expected: Flattened, wide: Callable[[], Flattened]) -> dict[str, float]:
    """PyTorch's own rounding; none is known of a model that does not run in float64."""
    try:
        return noise_between(_arrays(expected), _arrays(wide()))
    except torch_side.NO_FLOAT64:
        return {}


def _torch_output(model: Any, inputs: Inputs, double: bool) -> Flattened:
    if double:
        return torch_side.run_double(model, inputs)
    with torch_side.evaluating(model):
        return flatten(model(**torch_side.to_torch(inputs)))


def _steps(inputs: Inputs) -> tuple[Inputs, Inputs] | None:
    """The inputs without their last token, and with the last token alone."""
    name = next((name for name in reversed(_STEPPED) if name in inputs), None)
    tokens = np.asarray(inputs[name]) if name else np.zeros((0, 0))
    if name is None or tokens.ndim != 2 or tokens.shape[1] < 2:
        return None
    first: dict[str, object] = {**inputs, name: tokens[:, :-1], "use_cache": True}
    mask = np.asarray(inputs.get("attention_mask"))
    if name == "input_ids" and mask.ndim:  # none, or a mask of whatever rank PyTorch takes
        first["attention_mask"] = mask[..., :-1]
    return first, {**inputs, name: tokens[:, -1:], "use_cache": True}


def _torch_step(model: Any, first: Inputs, second: Inputs, double: bool = False) -> Flattened | None:
    if double:
        with torch_side.in_float64(model):
            return _torch_step(model, torch_side.widen(first), torch_side.widen(second))
    with torch_side.evaluating(model):
        before = model(**torch_side.to_torch(first))
        past = getattr(before, PAST, None)
        if past is None or not is_cache(past):
            return None
        return flatten(model(**torch_side.to_torch(second), **{PAST: past}))


def _arrays(flat: Flattened) -> dict[str, np.ndarray[Any, Any]]:
    return {path: value.array for path, value in flat.tensors.items()}
