"""Lists of tensors whose number only the graph knows: a tensor cut into pieces of the sizes that another one holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from porter.runtime.ops.looping import Collected, joined, loop, stacked
from porter.runtime.port_errors import Unsupported


class Sizes(tf.experimental.ExtensionType):
    """`tensor.tolist()` of a vector `(count,)` of whose length only the graph knows."""

    values: tf.Tensor

    def __getitem__(self, place: Any) -> Any:
        """One of the numbers, or some of them."""
        return self.values[place] if not isinstance(place, slice) else Sizes(self.values[place])


class Pieces(tf.experimental.ExtensionType):
    """Tensors of one rank whose number only the graph knows."""

    @property
    def count(self) -> Any:
        """How many there are, a scalar tensor."""
        raise NotImplementedError

    def at(self, place: Any) -> Any:
        """The piece at this place, a scalar tensor."""
        raise NotImplementedError

    def __getitem__(self, place: int) -> Any:
        return self.at(place if place >= 0 else self.count + place)

    def to_list(self) -> list[Any]:
        """The tensors, once the graph has run."""
        return [self.at(place) for place in range(int(self.count))]


class Cut(Pieces):
    """`tf.split(whole, sizes, axis)` for as many sizes as there are; `tf.concat` along the axis gives the whole."""

    whole: tf.Tensor
    sizes: tf.Tensor
    axis: int

    @property
    def count(self) -> Any:
        """How many there are, a scalar tensor."""
        return tf.shape(self.sizes)[0]

    def at(self, place: Any) -> Any:
        """The piece at this place, a scalar tensor."""
        axis, rank = self.axis % self.whole.shape.rank, self.whole.shape.rank
        first = tf.reduce_sum(self.sizes[:place])
        begin = [first if at == axis else 0 for at in range(rank)]
        size = [self.sizes[place] if at == axis else -1 for at in range(rank)]
        piece = tf.slice(self.whole, tf.cast(tf.stack(begin), tf.int64), tf.cast(tf.stack(size), tf.int64))
        return tf.ensure_shape(piece, [None if at == axis else self.whole.shape[at] for at in range(rank)])


class Shaped(Pieces):
    """Pieces each of a shape of its own: their values one after the other, and the shapes."""

    values: tf.Tensor
    shapes: tf.Tensor

    @property
    def count(self) -> Any:
        """How many there are, a scalar tensor."""
        return tf.shape(self.shapes)[0]

    def at(self, place: Any) -> Any:
        """The tensor at this place, a scalar tensor."""
        sizes = tf.reduce_prod(self.shapes, axis=1)
        first = tf.reduce_sum(sizes[:place])
        part = tf.reshape(self.values[first : first + sizes[place]], self.shapes[place])
        return tf.ensure_shape(part, [None] * self.shapes.shape[1])


@tf.experimental.dispatch_for_api(tf.split, {"num_or_size_splits": Sizes})
def _cut(value: Any, num_or_size_splits: Sizes, axis: int = 0, num: Any = None, name: str = "split") -> Cut:
    return Cut(tf.convert_to_tensor(value), num_or_size_splits.values, axis)


@tf.experimental.dispatch_for_api(tf.concat, {"values": Shaped})
def _put_together(values: Shaped, axis: int, name: str = "concat") -> Any:
    return joined(each(lambda piece: piece, values), axis)


@tf.experimental.dispatch_for_api(tf.concat, {"values": Cut})
def _whole(values: Cut, axis: int, name: str = "concat") -> Any:
    rank = values.whole.shape.rank
    if axis % rank != values.axis % rank:
        raise Unsupported(
            f"A tensor was cut along axis {values.axis} into pieces whose number only the graph knows, "
            f"and they cannot be joined along axis {axis}."
        )
    return values.whole


def as_pieces(parts: Any) -> Any:
    """A list as it is; what a graph has collected, tensors of at least one axis, as pieces along the first.

    Those that differ along other axes, too, are kept one after the other with the shape of each.
    """
    if not isinstance(parts, Collected):
        return parts
    if all(size is not None for size in parts.part.shape[1:]):

        def size(place: Any) -> tuple[tuple[()], tuple[Any]]:
            return (), (tf.shape(_read(parts, place), tf.int64)[0],)

        _, (sizes,) = loop(size, (), parts.count)
        return Cut(joined(parts, axis=0), stacked(sizes), 0)

    def laid_out(place: Any) -> tuple[tuple[()], tuple[Any, Any]]:
        part = _read(parts, place)
        return (), (tf.reshape(part, [-1]), tf.shape(part, tf.int64))

    _, (values, shapes) = loop(laid_out, (), parts.count)
    return Shaped(joined(values, axis=0), stacked(shapes))


def _read(parts: Collected, place: Any) -> Any:
    return parts.array.read(tf.cast(place, tf.int32))


def each(step: Callable[..., Any], *lists: Any) -> Any:
    """`[step(*parts) for parts in zip(*lists)]`, for `joined`, `stacked` and `as_pieces` where they are pieces."""
    (collected,) = filled(lambda *parts: (step(*parts),), *lists) or ([],)
    return collected


def filled(step: Callable[..., tuple[Any, ...]], *lists: Any) -> tuple[Any, ...]:
    """The lists that `for parts in zip(*lists)` fills, where `step(*parts)` gives what a turn adds to each.

    Pieces are run through together with other pieces and with the rows of tensors, and give what `joined`, `stacked`
    and `as_pieces` read; without pieces it gives lists.
    """
    cut = [pieces for pieces in lists if isinstance(pieces, Pieces)]
    if not cut:
        return tuple(map(list, zip(*(step(*parts) for parts in zip(*lists, strict=False)), strict=True)))

    def one(place: Any) -> tuple[tuple[()], tuple[Any, ...]]:
        return (), step(*(pieces.at(place) if isinstance(pieces, Pieces) else pieces[place] for pieces in lists))

    _, collected = loop(one, (), cut[0].count)
    return collected
