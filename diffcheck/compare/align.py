"""Outputs of one module on two sides: which tensor belongs to which, and in which layout."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from diffcheck.compare.metrics import Bound, TensorResult, compare_tensors
from diffcheck.compare.outputs import Comparison
from diffcheck.record.values import Flattened, TensorValue

CHANNEL_LAYOUTS = ((0, 2, 3, 1), (0, 3, 1, 2), (0, 2, 1), (0, 2, 3, 4, 1), (0, 4, 1, 2, 3))
"""Transpositions between channels-first and channels-last, the only ones a module may differ by."""


def compare_modules(expected: Flattened, actual: Flattened, bound: Bound) -> Comparison:
    """Compare a module's outputs: by name, else by position; channels-last counts as the same tensor.

    So does one that leaves out what PyTorch repeats along an axis: what is computed from it repeats it. A
    hand-written layer may return fewer or more tensors than the module; only the common ones are compared, and the
    others are named in ``skipped``. Nothing in common is a missing output.
    """
    pairs = align(expected.tensors, actual.tensors)
    results = []
    for path, other in pairs:
        first = expected.tensors[path]
        second = fit_layout(actual.tensors[other], first.array)
        results.append(compare_tensors(path, first, second, bound))
    left = [path for path in expected.tensors if path not in dict(pairs)]
    right = [path for path in actual.tensors if path not in {other for _, other in pairs}]
    if not pairs and expected.tensors:
        results = [
            TensorResult(path, ("missing",), 0.0, size=tensor.array.size, shapes=(tensor.array.shape, None))
            for path, tensor in expected.tensors.items()
        ]
    return Comparison(tuple(results), (*expected.skipped, *left, *right))


def align(expected: Mapping[str, TensorValue], actual: Mapping[str, TensorValue]) -> list[tuple[str, str]]:
    """Pairs of paths: equal ones, or the first common positions where no path is equal.

    In plain tuples, what stands after the first tensor may be something else (a cache, attention weights): it pairs
    if the shapes allow it.
    """
    pairs = [(path, path) for path in expected if path in actual] or list(zip(expected, actual, strict=False))
    if not all(path.partition(".")[0].isdigit() for path in (*expected, *actual)):
        return pairs
    return [
        (path, other)
        for number, (path, other) in enumerate(pairs)
        for shape in [expected[path].array.shape]
        if number == 0 or to_layout(actual[other], shape).array.shape == shape
    ]


def to_layout(tensor: TensorValue, shape: tuple[int, ...]) -> TensorValue:
    """The tensor transposed between channels-first and channels-last if only that makes its shape ``shape``."""
    if tensor.array.shape == shape:
        return tensor
    for axes in CHANNEL_LAYOUTS:
        if len(axes) == tensor.array.ndim and tuple(tensor.array.shape[axis] for axis in axes) == shape:
            return TensorValue(np.transpose(tensor.array, axes), tensor.dtype)
    return tensor


def to_repeated(tensor: TensorValue, shape: tuple[int, ...]) -> TensorValue:
    """As :func:`to_layout`, or repeated along axes as PyTorch's ``expand`` does, or once where it is repeated."""
    moved = to_layout(tensor, shape)
    if moved.array.shape == shape or min(tensor.array.size, math.prod(shape)) < 2:
        return moved
    if _repeats(tensor.array.shape, shape):
        return TensorValue(np.broadcast_to(tensor.array, shape), tensor.dtype)
    if _repeats(shape, tensor.array.shape):
        wide = (1,) * (tensor.array.ndim - len(shape)) + shape
        once = tensor.array[tuple(slice(None if size > 1 else 1) for size in wide)]
        if np.array_equal(np.broadcast_to(once, tensor.array.shape), tensor.array):
            return TensorValue(once.reshape(shape), tensor.dtype)
    return moved


def _repeats(shape: tuple[int, ...], longer: tuple[int, ...]) -> bool:
    ends = zip(shape[::-1], longer[::-1], strict=False)
    return len(shape) <= len(longer) and all(size in (1, other) for size, other in ends)


def fit_layout(tensor: TensorValue, like: np.ndarray[Any, Any]) -> TensorValue:
    """As :func:`to_repeated`; where sizes are equal, so that shapes leave it open, numbers near ``like`` decide."""
    array = tensor.array
    if array.shape != like.shape or array.ndim < 4 or array.dtype.kind != "f":
        return to_repeated(tensor, like.shape)
    options = [np.transpose(array, axes) for axes in CHANNEL_LAYOUTS if len(axes) == array.ndim]
    options = [moved for moved in options if moved.shape == like.shape]
    if not options or _near(array, like):
        return tensor
    return next((TensorValue(moved, tensor.dtype) for moved in options if _near(moved, like)), tensor)


def _near(array: np.ndarray[Any, Any], like: np.ndarray[Any, Any]) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(np.abs(array - like).max(initial=0.0) <= 1e-3 * np.abs(like).max(initial=0.0))
