"""Causes that show in the values: the first differing variable, PyTorch's against TensorFlow's."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from diffcheck.compare.metrics import scale_of
from diffcheck.explain.causes.suspect import Cause, Suspect

Array = np.ndarray[Any, Any]


def _on_values(explain: Callable[[Suspect, Array, Array], str | None]) -> Callable[[Suspect], str | None]:
    """Give a cause the two arrays that differ first; it is not asked where there are none."""

    def ask(suspect: Suspect) -> str | None:
        if suspect.located is None:
            return None
        tensors = suspect.located.torch.value.tensors, suspect.located.tf.value.tensors
        pairs = [(a.array, b.array) for a, b in zip(*(side.values() for side in tensors), strict=False)]
        pairs = [(a, b) for a, b in pairs if a.dtype.kind in "fiu" and b.dtype.kind in "fiu" and a.size > 1]
        answers = [explain(suspect, *pair) for pair in pairs if not _equal(*pair, suspect.tolerance)]
        return next((answer for answer in answers if answer), None)

    return ask


def scaling(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """The same numbers times a constant."""
    if expected.shape != actual.shape or not np.abs(actual).max() > 0:
        return None
    usable = (np.abs(actual) > 1e-3 * scale_of(actual)) & (np.abs(expected) < 1e30)
    if not usable.any():
        return None
    factor = float(np.median(expected[usable].astype(np.float64) / actual[usable]))
    if not _equal(expected, actual * factor, suspect.tolerance):
        return _factors(suspect, expected, actual)
    if abs(factor - 1) < 1e-4:
        return None
    return f"multiply by {factor:.6g}{_known_factor(factor, expected.shape)}"


def _factors(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """The same numbers times a factor that is the same along one axis: a norm, or a weight per channel."""
    for axis in [axis for axis, size in enumerate(actual.shape) if size > 2][::-1]:
        strongest = np.expand_dims(np.argmax(np.abs(actual), axis=axis), axis)
        with np.errstate(all="ignore"):
            factors = np.take_along_axis(expected, strongest, axis) / np.take_along_axis(actual, strongest, axis)
        if np.isfinite(factors).all() and _equal(expected, actual * factors, suspect.tolerance):
            return f"multiply by factors that are the same along axis {axis}"
    return None


def residual(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """What is missing is one of the module's inputs."""
    if expected.shape != actual.shape:
        return None
    missing = expected.astype(np.float64) - actual
    for name, value in (*suspect.arguments.items(), *((name, part.array) for name, part in suspect.parts.items())):
        array = np.asarray(value) if hasattr(value, "shape") else None
        if array is not None and array.shape == missing.shape and array.dtype.kind == "f":
            for sign, word in ((1, "added"), (-1, "subtracted")):
                if _equal(sign * array, missing, suspect.tolerance * 10):
                    return f"{name} is not {word}"
    return None


def axes(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """The same numbers with the axes in another order, or split in another order."""
    if actual.ndim == expected.ndim and actual.ndim <= 5:
        for order in itertools.permutations(range(actual.ndim)):
            moved = np.transpose(actual, order)
            if moved.shape == expected.shape and _equal(expected, moved, suspect.tolerance):
                return f"transpose it with {list(order)}"
    if actual.size == expected.size and _equal(np.sort(expected, None), np.sort(actual, None), suspect.tolerance):
        return "the numbers are right, their order is not: a reshape splits or joins other axes (head order)"
    return None


def shift(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """The same numbers one place further, or all larger by one."""
    if expected.shape != actual.shape:
        return None
    if expected.dtype.kind in "iu" and actual.dtype.kind in "iu":
        offsets = np.unique(actual.astype(np.int64) - expected)
        if offsets.size == 1:
            return f"every number is {int(offsets[0]):+d} off: position offset"
    for axis, length in enumerate(expected.shape):
        if length < 3:
            continue
        low, high = (tuple(slice(None) if i != axis else part for i in range(expected.ndim))
                     for part in (slice(None, -1), slice(1, None)))  # fmt: skip
        if _equal(expected[high], actual[low], suspect.tolerance) or _equal(
            expected[low], actual[high], suspect.tolerance
        ):
            return f"it is shifted by one along axis {axis}: off-by-one position"
    return None


def mask_fill(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """Differs only at the fill value of a mask."""
    if expected.shape != actual.shape:
        return None
    wrong = np.abs(expected.astype(np.float64) - actual) > suspect.tolerance * scale_of(expected)
    fills, others = np.unique(expected[wrong]), np.unique(actual[wrong])
    if wrong.all() or max(fills.size, others.size) > 1 or max(abs(float(fills[0])), abs(float(others[0]))) < 1e3:
        return None
    return f"PyTorch fills masked places with {fills[0]:g}, TensorFlow with {others[0]:g}"


def mask_places(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """Other places are masked."""
    if expected.shape != actual.shape:
        return None
    masked, others = np.abs(expected) > 1e3, np.abs(actual) > 1e3
    if (masked == others).all() or not _equal(
        expected[~masked & ~others], actual[~masked & ~others], suspect.tolerance
    ):
        return None
    counts = f"PyTorch masks {int(masked.sum())} places, TensorFlow {int(others.sum())}"
    return f"{counts}: the mask is missing, or broadcast otherwise"


def truncation(suspect: Suspect, expected: Array, actual: Array) -> str | None:
    """Whole numbers where PyTorch has fractions."""
    if expected.shape != actual.shape or expected.dtype.kind != "f":
        return None
    for name, function in (("truncates", np.trunc), ("rounds", np.round), ("floors", np.floor)):
        if _equal(function(expected), actual, suspect.tolerance):
            return f"TensorFlow {name}: integer division or an integer dtype"
    return None


def _equal(expected: Array, actual: Array, tolerance: float) -> bool:
    if expected.shape != actual.shape or not expected.size:
        return False
    distance = np.abs(expected.astype(np.float64) - actual.astype(np.float64))
    return bool(distance.max() <= tolerance * scale_of(expected))


def _known_factor(factor: float, shape: tuple[int, ...]) -> str:
    for size in dict.fromkeys(shape):
        for text, value in (("sqrt({})", math.sqrt(size)), ("1/sqrt({})", 1 / math.sqrt(size)), ("1/{}", 1 / size)):
            if size > 1 and abs(factor / value - 1) < 1e-4:
                return f" = {text.format(size)}"
    return ""


CAUSES = (
    Cause("mask fill value", _on_values(mask_fill), 3),
    Cause("mask broadcast", _on_values(mask_places), 3),
    Cause("scaling", _on_values(scaling), 3),
    Cause("residual connection", _on_values(residual), 3),
    Cause("axis order", _on_values(axes), 3),
    Cause("position offset", _on_values(shift), 3),
    Cause("truncation", _on_values(truncation), 3),
)
