"""Outputs of PyTorch on which agreeing proves nothing: not finite, constant, or all zero."""

from __future__ import annotations

from typing import Any

import numpy as np

from diffcheck.record.values import flatten

Array = np.ndarray[Any, np.dtype[Any]]
NOT_FINITE = "not finite"


def proves_nothing(outputs: object) -> tuple[str, ...]:
    """A sentence for each floating-point output with NaN, or with nothing finite in it, or with one value throughout.

    Infinity in some places is how masks are written. A single number, such as a loss, is not called constant, nor is
    a member of a list whose other members vary, such as the attentions of a layer that has only one key.
    """
    tensors = {path: value.array for path, value in flatten(outputs).tensors.items()}
    varied = {_list_of(path) for path, array in tensors.items() if array.dtype.kind == "f" and not _problem(array)}
    found = {path: _problem(array) for path, array in tensors.items() if array.dtype.kind == "f"}
    return tuple(
        f"{path or 'its output'} of PyTorch is {problem}"
        for path, problem in found.items()
        if problem and (problem == NOT_FINITE or _list_of(path) not in varied)
    )


def _problem(array: Array) -> str:
    finite = array[np.isfinite(array)]
    if array.size and (np.isnan(array).any() or not finite.size):
        return NOT_FINITE
    if array.size > 1 and not finite.any():
        return "all zero"
    return "constant" if array.size > 1 and finite.size == array.size and np.ptp(array) == 0 else ""


def _list_of(path: str) -> str:
    """The path without the numbers at its end."""
    return path.rstrip(".0123456789")
