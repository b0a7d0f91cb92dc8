"""Outputs of PyTorch on which agreeing proves nothing: not finite, constant, or all zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diffcheck.record.values import flatten


def proves_nothing(outputs: object) -> tuple[str, ...]:
    """A sentence for each floating-point output with NaN, or with nothing finite in it, or with one value throughout.

    Infinity in some places is how masks are written. A single number, such as a loss, is not called constant.
    """
    return tuple(_sentences(outputs))


def _sentences(outputs: object) -> Iterator[str]:
    for path, value in flatten(outputs).tensors.items():
        array, name = value.array, path or "its output"
        if array.dtype.kind != "f" or not array.size:
            continue
        finite = array[np.isfinite(array)]
        if np.isnan(array).any() or not finite.size:
            yield f"{name} of PyTorch is not finite"
        elif array.size > 1 and not finite.any():
            yield f"{name} of PyTorch is all zero"
        elif array.size > 1 and finite.size == array.size and np.ptp(array) == 0:
            yield f"{name} of PyTorch is constant"
