"""Outputs on other inputs: another length, no padding, and a decoder's second step from the cache of its first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from diffcheck import tf_side, torch_side
from diffcheck.compare import Comparison, compare_flat, noise_between
from diffcheck.report import Variation
from diffcheck.sources import crash_of
from diffcheck.values import Flattened, flatten, is_cache

Inputs = Mapping[str, object]
PAST = "past_key_values"
_STEPPED = ("input_ids", "decoder_input_ids")


def compare_variations(
    torch_model: Any, tf_model: Any, others: Mapping[str, Inputs], tolerance: float, skip: tuple[str, ...] = ()
) -> Iterator[Variation]:
    """Compare whole outputs on each of ``others``, inputs by the name of the variation.

    PyTorch's own rounding is measured where the tolerance alone is passed.
    """
    for name, inputs in others.items():
        yield _variation(
            name,
            functools.partial(_torch_output, torch_model, inputs),
            lambda inputs=inputs: flatten(tf_side.call_model(tf_model, inputs)),  # type: ignore[misc]
            tolerance,
            skip,
        )


def compare_cached_step(torch_model: Any, tf_model: Any, inputs: Inputs, tolerance: float) -> Variation | None:
    """Compare the outputs for the last token, computed from each side's own cache of all tokens before it.

    None for a model that keeps no cache on these inputs.
    """
    steps = _steps(inputs)
    if steps is None:
        return None
    try:
        expected = _torch_step(torch_model, *steps)
    except (TypeError, ValueError, RuntimeError):  # takes no use_cache, or not with these inputs
        return None
    if expected is None:
        return None

    def tensorflow() -> Flattened:
        before = tf_side.call_model(tf_model, steps[0])
        return flatten(tf_side.call_model(tf_model, {**steps[1], PAST: before[PAST]}))

    def pytorch(double: bool) -> Flattened:
        wide = _torch_step(torch_model, *steps, double=True) if double else expected
        assert wide is not None
        return wide

    return _variation("a step from the cache", pytorch, tensorflow, tolerance, ())


def _variation(
    name: str,
    pytorch: Callable[[bool], Flattened],
    tensorflow: Callable[[], Flattened],
    tolerance: float,
    skip: tuple[str, ...],
) -> Variation:
    expected = pytorch(False)
    try:
        actual = tensorflow()
    except Exception as error:  # noqa: BLE001 - the code under test may raise anything, and that is the result
        return Variation(name, Comparison(()), crash_of(error))
    outputs = compare_flat(expected, actual, tolerance=tolerance, skip=skip)
    if not outputs.matches:
        noise = noise_between(_arrays(expected), _arrays(pytorch(True)))
        outputs = compare_flat(expected, actual, tolerance=tolerance, noise=noise, skip=skip)
    return Variation(name, outputs)


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
    if name == "input_ids" and "attention_mask" in inputs:
        first["attention_mask"] = np.asarray(inputs["attention_mask"])[:, :-1]
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
