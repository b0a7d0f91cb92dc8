"""What every checkpoint reader gives: named tensors, told about at once and read one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from porter.base.errors import UsageError
from porter.runtime.port_errors import PortError

Array = np.ndarray[Any, np.dtype[Any]]
PIECE = 1 << 24
STRIP = 16


class CheckpointError(UsageError, PortError):
    """A checkpoint that is damaged, incomplete or hostile."""


@dataclass(frozen=True)
class TensorInfo:
    """Shape and dtype (numpy's or ml_dtypes' name) of a stored tensor."""

    shape: tuple[int, ...]
    dtype: str


class Checkpoint(ABC):
    """Named tensors, to be used in a `with` statement."""

    tensors: Mapping[str, TensorInfo]

    @abstractmethod
    def read(self, name: str) -> Array:
        """The tensor `name`, read-only; it holds no memory once the array is dropped."""

    @abstractmethod
    def close(self) -> None:
        """Close the files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def numpy_dtype(name: str) -> np.dtype[Any]:
    """`float32` and the like from numpy, `bfloat16` and the eight-bit floats from ml_dtypes."""
    if name.startswith(("bfloat", "float8")):
        import ml_dtypes

        found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return found
    return np.dtype(name)


def contiguous(array: Array) -> Array:
    """The array in C order, copied if need be."""
    return array if array.flags.c_contiguous else fill(np.empty(array.shape, array.dtype), array)


def fill(target: Array, array: Array) -> Array:
    """The target, with the numbers of the array.

    A transposed matrix is copied in strips, whose lines stay in the processor's cache: about five times as fast as
    numpy copies it in one go.
    """
    if array.ndim != 2 or not array.T.flags.c_contiguous:
        target[...] = array
        return target
    for start in range(0, array.shape[1], STRIP):
        target[:, start : start + STRIP] = array[:, start : start + STRIP]
    return target


def same_bits(first: Array, second: Array) -> bool:
    """Whether two arrays have the same type, shape and bits, NaN included; compared in pieces, without a copy."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    unit = np.uint64 if first.nbytes % 8 == 0 else np.uint8
    left, right = (contiguous(array).reshape(-1).view(unit) for array in (first, second))
    pieces = (slice(start, start + PIECE) for start in range(0, left.size, PIECE))
    return all(np.array_equal(left[piece], right[piece]) for piece in pieces)
