"""Tensors made of stored ones: shape and type are known before anything is read, numbers come when asked for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, TensorInfo, numpy_dtype


@dataclass(frozen=True)
class Expression(ABC):
    """A tensor to be computed from a checkpoint's; shape and type are as `TensorInfo` tells them."""

    shape: tuple[int, ...]
    dtype: str

    @abstractmethod
    def sources(self) -> Iterator[str]:
        """The stored tensors it is made of."""

    @abstractmethod
    def read(self, checkpoint: Checkpoint) -> Array:
        """Its numbers."""

    def fill(self, checkpoint: Checkpoint, place: Array) -> None:
        """Write its numbers into an array of its shape."""
        place[...] = self.read(checkpoint)

    def to_json(self) -> dict[str, Any]:
        """As plain data, which `from_json` reads."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {"kind": type(self).__name__, **{name: _plain(value) for name, value in values.items()}}


@dataclass(frozen=True)
class Stored(Expression):
    """A tensor of the checkpoint."""

    name: str

    def sources(self) -> Iterator[str]:
        """Itself."""
        yield self.name

    def read(self, checkpoint: Checkpoint) -> Array:
        """As it is stored."""
        return checkpoint.read(self.name)


@dataclass(frozen=True)
class Joined(Expression):
    """Tensors one behind the other along an axis; one of them at a time is read."""

    parts: tuple[Expression, ...]
    axis: int

    def sources(self) -> Iterator[str]:
        """Those of the parts."""
        for part in self.parts:
            yield from part.sources()

    def read(self, checkpoint: Checkpoint) -> Array:
        """A new array that holds all parts."""
        array: Array = np.empty(self.shape, numpy_dtype(self.dtype))
        self.fill(checkpoint, array)
        return array

    def fill(self, checkpoint: Checkpoint, place: Array) -> None:
        """Each part straight into its slice."""
        start = 0
        for part in self.parts:
            stop = start + part.shape[self.axis]
            part.fill(checkpoint, place[_range(self.axis, start, stop)])
            start = stop


@dataclass(frozen=True)
class Sliced(Expression):
    """A tensor's indices from `start` on along an axis, as many as the shape says."""

    whole: Expression
    axis: int
    start: int

    def sources(self) -> Iterator[str]:
        """Those of the whole."""
        return self.whole.sources()

    def read(self, checkpoint: Checkpoint) -> Array:
        """A copy, so that the whole can be forgotten."""
        stop = self.start + self.shape[self.axis]
        return self.whole.read(checkpoint)[_range(self.axis, self.start, stop)].copy()


@dataclass(frozen=True)
class Rearranged(Expression):
    """A tensor's numbers in another order: cut into `view`, its axes permuted by `order`, then seen as the shape."""

    whole: Expression
    view: tuple[int, ...]
    order: tuple[int, ...]

    def sources(self) -> Iterator[str]:
        """Those of the whole."""
        return self.whole.sources()

    def read(self, checkpoint: Checkpoint) -> Array:
        """The numbers in their new order, contiguous."""
        array = self.whole.read(checkpoint).reshape(self.view).transpose(self.order)
        return np.ascontiguousarray(array).reshape(self.shape)


def joined(parts: Sequence[Expression], axis: int) -> Joined:
    """The tensors one behind the other.

    Raises:
        CheckpointError: there is none, or their types or other axes differ.
    """
    kinds = {(part.dtype, len(part.shape), part.shape[:axis], part.shape[axis + 1 :]) for part in parts}
    if len(kinds) != 1 or axis >= len(parts[0].shape):
        names = ", ".join(source for part in parts for source in part.sources())
        raise CheckpointError(f"The checkpoint's {names} cannot be joined along axis {axis}: shapes or types differ.")
    first = parts[0]
    length = sum(part.shape[axis] for part in parts)
    return Joined((*first.shape[:axis], length, *first.shape[axis + 1 :]), first.dtype, tuple(parts), axis)


def stacked(parts: Sequence[Expression], axis: int) -> Joined:
    """The tensors along a new axis.

    Raises:
        CheckpointError: there is none, or their types or shapes differ.
    """
    rows = []
    for part in parts:
        shape = (*part.shape[:axis], 1, *part.shape[axis:])
        rows.append(rearranged(part, part.shape, tuple(range(len(part.shape))), shape))
    return joined(rows, axis)


def sliced(whole: Expression, axis: int, start: int, stop: int) -> Sliced:
    """The indices from `start` to `stop` along an axis."""
    shape = (*whole.shape[:axis], stop - start, *whole.shape[axis + 1 :])
    return Sliced(shape, whole.dtype, whole, axis, start)


def rearranged(whole: Expression, view: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]) -> Rearranged:
    """The numbers in another order.

    Raises:
        CheckpointError: the tensor has not as many numbers as the view.
    """
    if math.prod(view) != math.prod(whole.shape):
        names = ", ".join(whole.sources())
        raise CheckpointError(f"{names} has shape {list(whole.shape)}, which cannot be cut into {list(view)}.")
    return Rearranged(shape, whole.dtype, whole, view, order)


def transposed(whole: Expression, first: int, second: int) -> Rearranged:
    """The tensor with two axes exchanged.

    Raises:
        CheckpointError: it has not that many axes.
    """
    order = list(range(len(whole.shape)))
    if max(first, second) >= len(order):
        names = ", ".join(whole.sources())
        raise CheckpointError(f"{names} has shape {list(whole.shape)}, without the axes {first} and {second}.")
    order[first], order[second] = order[second], order[first]
    return rearranged(whole, whole.shape, tuple(order), tuple(whole.shape[axis] for axis in order))


def from_json(data: Any) -> Any:
    """The expression that `Expression.to_json` told."""
    if isinstance(data, dict):
        kind = next(each for each in Expression.__subclasses__() if each.__name__ == data["kind"])
        return kind(**{name: from_json(value) for name, value in data.items() if name != "kind"})
    return tuple(map(from_json, data)) if isinstance(data, list | tuple) else data


def _plain(value: Any) -> Any:
    if isinstance(value, Expression):
        return value.to_json()
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


class Converted(Checkpoint):
    """A checkpoint with computed tensors in place of those that they are made of.

    All other tensors keep their names. Reading one that is made reads its sources, one at a time, and keeps none.

    Attributes:
        tensors: what can be read.
        made: the computed ones.
        absent: what could not be made, and the stored tensors that it lacks.
    """

    def __init__(
        self, file: Checkpoint, made: Mapping[str, Expression], absent: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        self._file = file
        self.made = made
        self.absent = absent or {}
        used = {source for expression in made.values() for source in expression.sources()}
        others = {name: info for name, info in file.tensors.items() if name not in used}
        self.tensors = {**others, **{name: TensorInfo(each.shape, each.dtype) for name, each in made.items()}}

    def read(self, name: str) -> Array:
        """The tensor, computed if need be."""
        return self.made[name].read(self._file) if name in self.made else self._file.read(name)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _range(axis: int, start: int, stop: int) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, slice(start, stop))
