"""Loops that count to a size, which in a graph may be a tensor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

Step = Callable[..., tuple[tuple[Any, ...], tuple[Any, ...]]]


@dataclass(frozen=True)
class Collected:
    """One tensor for each turn of a graph's loop; `part` is a turn's, for its type and shape."""

    array: tf.TensorArray
    count: Any
    part: Any


def loop(step: Step, states: tuple[Any, ...], *bounds: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """`for i in range(*bounds): states, parts = step(i, *states)`.

    Args:
        step: gives the next states and what this turn adds to each of the lists.
        states: before the first turn.
        bounds: as of `range`.

    Returns:
        The states after the last turn, and the lists; where only the graph knows the bounds, for `stacked` and
        `joined` to read.
    """
    known = [tf.get_static_value(bound) if tf.is_tensor(bound) else bound for bound in bounds]
    if all(bound is not None for bound in known):
        return _unrolled(step, states, range(*map(int, known)))
    first, end, stride = _range(bounds)
    states = tuple(tf.convert_to_tensor(state, tf.int64 if isinstance(state, int) else None) for state in states)
    _, parts = step(first, *states)  # only what it says of types and shapes stays in the graph
    count = tf.maximum((end - first + stride - tf.sign(stride)) // stride, 0)
    size = tf.cast(count, tf.int32)
    arrays = [tf.TensorArray(p.dtype, size, infer_shape=False, element_shape=_open(p.shape)) for p in parts]

    def body(turn: Any, states: Any, arrays: Any) -> tuple[Any, Any, Any]:
        after, parts = step(first + turn * stride, *states)
        place = tf.cast(turn, tf.int32)
        after = tuple(_like(new, old) for new, old in zip(after, states, strict=True))
        return turn + 1, after, [a.write(place, p) for a, p in zip(arrays, parts, strict=True)]

    shapes = (tf.TensorShape([]), tuple(state.shape for state in states), [tf.TensorShape(None) for _ in arrays])
    start = (tf.constant(0, tf.int64), states, arrays)
    _, after, arrays = tf.while_loop(lambda turn, *_: turn < count, body, start, shape_invariants=shapes)
    return after, tuple(Collected(a, size, p) for a, p in zip(arrays, parts, strict=True))


def _unrolled(step: Step, states: tuple[Any, ...], turns: range) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    lists: list[tuple[Any, ...]] = []
    for turn in turns:
        states, parts = step(turn, *states)
        lists.append(parts)
    return states, tuple(list(column) for column in zip(*lists, strict=True))


def _range(bounds: Sequence[Any]) -> tuple[Any, Any, Any]:
    first, end, stride = (0, bounds[0], 1) if len(bounds) == 1 else (*bounds, 1)[:3]
    return tf.cast(first, tf.int64), tf.cast(end, tf.int64), tf.cast(stride, tf.int64)


def _open(shape: tf.TensorShape) -> tf.TensorShape:
    """The rank alone: the last turn may have less."""
    return tf.TensorShape([None] * shape.rank)


def _like(new: Any, old: Any) -> Any:
    """A state after a turn, with the type and shape that it had before."""
    new = tf.cast(new, old.dtype)
    return tf.ensure_shape(new, old.shape)


def stacked(parts: Any, axis: int = 0) -> Any:
    """`torch.stack` of a list or of what a graph's loop has collected."""
    if not isinstance(parts, Collected):
        return tf.stack(parts, axis=axis)
    rows = parts.array.stack()
    rows.set_shape([None, *parts.part.shape])
    axis = axis % (parts.part.shape.rank + 1)
    order = list(range(1, rows.shape.rank))
    return tf.transpose(rows, [*order[:axis], 0, *order[axis:]])


def joined(parts: Any, axis: int = 0) -> Any:
    """`torch.cat` of a list or of what a graph's loop has collected."""
    if not isinstance(parts, Collected):
        return tf.concat(parts, axis=axis)
    rank = parts.part.shape.rank
    order = [axis % rank, *(at for at in range(rank) if at != axis % rank)]
    shape = parts.part.shape.as_list()
    front = tf.TensorArray(parts.array.dtype, parts.count, infer_shape=False, element_shape=[None] * rank)

    def body(turn: Any, front: Any) -> tuple[Any, Any]:
        return turn + 1, front.write(turn, tf.transpose(parts.array.read(turn), order))

    _, front = tf.while_loop(lambda turn, _: turn < parts.count, body, (tf.constant(0), front))
    rows = front.concat()
    rows.set_shape([None, *(shape[at] for at in order[1:])])
    return tf.transpose(rows, [order.index(at) for at in range(rank)])
