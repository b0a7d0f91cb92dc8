"""In which order a TensorFlow variable has the axes of PyTorch's weight: as the port says, else as the values fit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Axes = tuple[int, ...]
"""The axes for `numpy.transpose` from PyTorch's weight to TensorFlow's variable."""
MOST_AXES = 5


def as_torch(value: Array, wanted: Array, axes: Axes | None = None) -> Array:
    """A TensorFlow weight with its axes in PyTorch's order.

    Args:
        value: the TensorFlow weight.
        wanted: PyTorch's weight.
        axes: the order that the port is known to have; None where it is not known. Then the order is taken in which
            the numbers are nearest to PyTorch's, and axes of length one are left out or put in.
    """
    return moved(value, axes_to_torch(value, wanted, axes), wanted.shape)


def axes_to_torch(value: Array, wanted: Array, axes: Axes | None = None) -> Axes:
    """The axes for `numpy.transpose` from TensorFlow's weight to PyTorch's; see :func:`as_torch`."""
    if axes is not None and len(axes) == value.ndim:
        return tuple(int(axis) for axis in np.argsort(axes))
    best, least = tuple(range(value.ndim)), np.inf
    for order in _orders(value.ndim):
        found = moved(value, order, wanted.shape)
        if found.shape == wanted.shape:
            distance = float(np.abs(found.astype(np.float64) - wanted).max(initial=0.0))
            if distance < least:
                best, least = order, distance
    return best


def moved(value: Array, axes: Axes, shape: tuple[int, ...]) -> Array:
    """The transposed array; with other axes of length one where only those keep it from having the shape."""
    found = np.transpose(value, axes)
    fits = _without_ones(found.shape) == _without_ones(shape)
    return found.reshape(shape) if fits else found


def as_tensorflow(value: Array, shape: tuple[int, ...], axes: Axes | None = None) -> Iterator[Array]:
    """PyTorch's weight as a variable of this shape may hold it: in the known order, else in each that fits.

    The usual order for its rank comes first. Where no order fits, axes of length one are left out or put in.
    """
    if axes is not None and len(axes) == value.ndim and np.transpose(value, axes).shape == shape:
        yield np.transpose(value, axes)
        return
    if value.ndim != len(shape) and _without_ones(value.shape) == _without_ones(shape):
        yield value.reshape(shape)
    usual = _usual(value.ndim)
    for order in sorted(_orders(value.ndim), key=lambda order: order != usual):
        found = np.transpose(value, order)
        if found.shape == shape:
            yield found


def _usual(rank: int) -> Axes:
    """A dense kernel is turned round; a convolution's has its sizes first, then the channels in and out."""
    if rank in (3, 4, 5):
        return (*range(2, rank), 1, 0)
    return (1, 0) if rank == 2 else tuple(range(rank))


def _orders(rank: int) -> Iterator[Axes]:
    yield from itertools.permutations(range(rank)) if rank <= MOST_AXES else [tuple(range(rank))]


def _without_ones(shape: tuple[int, ...]) -> list[int]:
    return [size for size in shape if size != 1]
