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


class Pieces(tf.experimental.ExtensionType):
    """`tf.split(whole, sizes, axis)` for as many sizes as there are; `tf.concat` along the axis gives the whole."""

    whole: tf.Tensor
    sizes: tf.Tensor
    axis: int

    def at(self, place: Any) -> Any:
        """The piece at this place, a scalar tensor."""
        axis, rank = self.axis % self.whole.shape.rank, self.whole.shape.rank
        first = tf.reduce_sum(self.sizes[:place])
        begin = [first if at == axis else 0 for at in range(rank)]
        size = [self.sizes[place] if at == axis else -1 for at in range(rank)]
        piece = tf.slice(self.whole, tf.cast(tf.stack(begin), tf.int64), tf.cast(tf.stack(size), tf.int64))
        return tf.ensure_shape(piece, [None if at == axis else self.whole.shape[at] for at in range(rank)])


@tf.experimental.dispatch_for_api(tf.split, {"num_or_size_splits": Sizes})
def _cut(value: Any, num_or_size_splits: Sizes, axis: int = 0, num: Any = None, name: str = "split") -> Pieces:
    return Pieces(tf.convert_to_tensor(value), num_or_size_splits.values, axis)


@tf.experimental.dispatch_for_api(tf.concat, {"values": Pieces})
def _whole(values: Pieces, axis: int, name: str = "concat") -> Any:
    rank = values.whole.shape.rank
    if axis % rank != values.axis % rank:
        raise Unsupported(
            f"A tensor was cut along axis {values.axis} into pieces whose number only the graph knows, "
            f"and they cannot be joined along axis {axis}."
        )
    return values.whole


def as_pieces(parts: Any) -> Any:
    """A list as it is; what a graph has collected, tensors of at least one axis, as pieces along the first."""
    if not isinstance(parts, Collected):
        return parts

    def size(place: Any) -> tuple[tuple[()], tuple[Any]]:
        return (), (tf.shape(parts.array.read(tf.cast(place, tf.int32)), tf.int64)[0],)

    _, (sizes,) = loop(size, (), parts.count)
    return Pieces(joined(parts, axis=0), stacked(sizes), 0)


def each(step: Callable[..., Any], *lists: Any) -> Any:
    """`[step(*parts) for parts in zip(*lists)]`, for `joined`, `stacked` and `as_pieces` where they are pieces."""
    cut = [pieces for pieces in lists if isinstance(pieces, Pieces)]
    if len(cut) != len(lists):
        return [step(*parts) for parts in zip(*lists, strict=False)]

    def one(place: Any) -> tuple[tuple[()], tuple[Any]]:
        return (), (step(*(pieces.at(place) for pieces in cut)),)

    _, (collected,) = loop(one, (), tf.shape(cut[0].sizes)[0])
    return collected
