"""Shapes, as PyTorch changes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import shape_list
from porter.runtime.ops.pieces import Sizes
from porter.runtime.port_errors import WrongValue


def flatten(tensor: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """`torch.flatten`: the axes from `start_dim` to `end_dim` become one; known sizes stay known."""
    shape = shape_list(tensor)
    rank = len(shape)
    if rank == 0:
        return tf.reshape(tensor, [1])
    start, end = start_dim % rank, end_dim % rank
    return tf.reshape(tensor, [*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]])


def unflatten(tensor: Any, axis: int, sizes: Sequence[Any]) -> Any:
    """`torch.unflatten`: one axis becomes several, one of which may be -1."""
    shape = shape_list(tensor)
    axis %= len(shape)
    if tensor.shape[axis] is not None and all(isinstance(size, int) for size in sizes) and -1 in sizes:
        known = -math.prod(sizes)
        sizes = [shape[axis] // known if size == -1 else size for size in sizes]
    return tf.reshape(tensor, [*shape[:axis], *sizes, *shape[axis + 1 :]])


def expand(tensor: Any, sizes: Sequence[Any]) -> Any:
    """`tensor.expand(sizes)`: -1 keeps a size, new axes come first."""
    shape = shape_list(tensor)
    added = len(sizes) - len(shape)
    kept = [shape[axis - added] if isinstance(size, int) and size == -1 else size for axis, size in enumerate(sizes)]
    return tf.broadcast_to(tensor, kept)


def repeat(tensor: Any, factors: Sequence[Any]) -> Any:
    """`tensor.repeat(*factors)`: new axes come first; with fewer factors (`torch.tile`) the last axes count."""
    rank = tensor.shape.rank
    if len(factors) > rank:
        tensor = tf.reshape(tensor, [*[1] * (len(factors) - rank), *shape_list(tensor)])
    return tf.tile(tensor, [*[1] * (rank - len(factors)), *factors])


def squeeze(tensor: Any, axes: int | Sequence[int]) -> Any:
    """`tensor.squeeze(axes)`: only axes that are known to have size 1 go, as in PyTorch."""
    rank = tensor.shape.rank
    wanted = [axis % rank for axis in ([axes] if isinstance(axes, int) else axes)]
    return (
        tf.squeeze(tensor, axis=[axis for axis in wanted if tensor.shape[axis] == 1])
        if _any_one(tensor, wanted)
        else tensor
    )


def _any_one(tensor: Any, axes: Sequence[int]) -> bool:
    return any(tensor.shape[axis] == 1 for axis in axes)


def split(tensor: Any, size: Any, axis: int = 0) -> Any:
    """`torch.split`: parts of this size along a known axis, the last one may be shorter; or of each size of a list."""
    if isinstance(size, Sizes):
        return tf.split(tensor, size, axis=axis)
    if isinstance(size, list | tuple):
        return list(tf.split(tensor, size, axis=axis))
    total = tensor.shape[axis]
    if total is None:
        raise WrongValue(f"split needs to know the size of axis {axis} of a tensor of shape {tensor.shape}.")
    parts, rest = divmod(total, int(size))
    return list(tf.split(tensor, [int(size)] * parts + ([rest] if rest else []), axis=axis))


def windows(tensor: Any, size: Any, step: Any, axis: int) -> Any:
    """`tensor.unfold(axis, size, step)`: windows along one axis, their elements last."""
    rank = tensor.shape.rank
    axis %= rank
    framed = tf.signal.frame(tensor, size, step, axis=axis)
    return tf.transpose(framed, [*[other for other in range(rank + 1) if other != axis + 1], axis + 1])


def tril(tensor: Any, diagonal: Any) -> Any:
    """`torch.tril(tensor, diagonal)`: what lies on or below the diagonal, zeros elsewhere."""
    return tf.where(_column_minus_row(tensor) <= tf.cast(diagonal, tf.int64), tensor, tf.zeros_like(tensor))


def triu(tensor: Any, diagonal: Any) -> Any:
    """`torch.triu(tensor, diagonal)`: what lies on or above the diagonal, zeros elsewhere."""
    return tf.where(_column_minus_row(tensor) >= tf.cast(diagonal, tf.int64), tensor, tf.zeros_like(tensor))


def triu_indices(rows: Any, columns: Any, offset: Any = 0) -> Any:
    """`torch.triu_indices`: rows and columns of the places of the upper triangle, `(2, places)`."""
    return _places(tf.range(columns) - tf.range(rows)[:, tf.newaxis] >= offset)


def tril_indices(rows: Any, columns: Any, offset: Any = 0) -> Any:
    """`torch.tril_indices`: rows and columns of the places of the lower triangle, `(2, places)`."""
    return _places(tf.range(columns) - tf.range(rows)[:, tf.newaxis] <= offset)


def _places(inside: Any) -> Any:
    return tf.transpose(tf.where(inside))


def block_diag(*matrices: Any) -> Any:
    """`torch.block_diag`: matrices along the diagonal of one, zeros elsewhere."""
    height, width = (sum(tf.shape(matrix)[axis] for matrix in matrices) for axis in (0, 1))
    placed, top, left = [], 0, 0
    for matrix in matrices:
        bottom, right = top + tf.shape(matrix)[0], left + tf.shape(matrix)[1]
        placed.append(tf.pad(matrix, [[top, height - bottom], [left, width - right]]))
        top, left = bottom, right
    return tf.add_n(placed)


def _column_minus_row(tensor: Any) -> Any:
    rows, columns = shape_list(tensor)[-2:]
    return tf.range(columns, dtype=tf.int64) - tf.range(rows, dtype=tf.int64)[:, tf.newaxis]


def pad(tensor: Any, pads: Sequence[Any], mode: str = "constant", value: Any = None) -> Any:
    """`torch.nn.functional.pad`: pairs from the last axis on; a negative number crops.

    Modes: constant, reflect, replicate, circular.
    """
    rank = tensor.shape.rank
    before = [0] * rank
    after = [0] * rank
    for pair in range(len(pads) // 2):
        before[rank - 1 - pair], after[rank - 1 - pair] = pads[2 * pair], pads[2 * pair + 1]
    paddings = [[_upper(b), _upper(a)] for b, a in zip(before, after, strict=True)]
    if mode in ("constant", "reflect"):
        padded = tf.pad(tensor, paddings, mode=mode.upper(), constant_values=0 if value is None else value)
    else:
        padded = tensor
        for axis, (b, a) in enumerate(zip(before, after, strict=True)):
            padded = _wrapped(padded, axis, b, a, mode)
    for axis, (b, a) in enumerate(zip(before, after, strict=True)):
        padded = _cropped(padded, axis, b, a)
    return padded


def _cropped(tensor: Any, axis: int, before: Any, after: Any) -> Any:
    if isinstance(before, int) and isinstance(after, int) and before >= 0 and after >= 0:
        return tensor
    size = shape_list(tensor)[axis]
    start, stop = -_lower(before), size + _lower(after)
    return tensor[(slice(None),) * axis + (slice(start, stop),)]


def _upper(number: Any) -> Any:
    """The number if it is positive, else 0."""
    return max(number, 0) if isinstance(number, int) else tf.cast(tf.maximum(number, 0), tf.int64)


def _lower(number: Any) -> Any:
    """The number if it is negative, else 0."""
    return min(number, 0) if isinstance(number, int) else tf.minimum(number, 0)


def _wrapped(tensor: Any, axis: int, before: int, after: int, mode: str) -> Any:
    if before <= 0 and after <= 0:
        return tensor
    size = shape_list(tensor)[axis]
    positions = tf.range(-max(before, 0), size + max(after, 0), dtype=tf.int64)
    positions = positions % size if mode == "circular" else tf.clip_by_value(positions, 0, size - 1)
    return tf.gather(tensor, positions, axis=axis)


def same_shape(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Whether two shapes agree, as far as is known: a size that is not known while tracing counts as equal."""
    pairs = zip(first, second, strict=False)
    return len(first) == len(second) and not any(surely(one != other) for one, other in pairs)


def surely(condition: Any) -> bool:
    """Whether a condition holds for sure; in a graph one on unknown sizes does not."""
    known = tf.get_static_value(condition) if tf.is_tensor(condition) else condition
    return known is not None and bool(known)


def possibly(condition: Any) -> bool:
    """Whether a condition may hold; in a graph one on unknown sizes may, and None never does."""
    if not tf.is_tensor(condition):
        return bool(condition)
    known = tf.get_static_value(condition)
    return known is None or bool(known)


def least(*sizes: Any) -> Any:
    """The smallest of some sizes, an int64 scalar where one of them is known to the graph alone."""
    return _extreme(min, tf.minimum, sizes)


def greatest(*sizes: Any) -> Any:
    """The greatest of some sizes, as `least` gives the smallest."""
    return _extreme(max, tf.maximum, sizes)


def _extreme(of_numbers: Callable[..., Any], of_tensors: Callable[..., Any], sizes: tuple[Any, ...]) -> Any:
    if not any(tf.is_tensor(size) for size in sizes):
        return of_numbers(*sizes)
    return reduce(of_tensors, (tf.cast(size, tf.int64) for size in sizes))


def logarithm(number: Any, base: Any = math.e) -> Any:
    """`math.log(number, base)`; of a size that is known to the graph alone, a float64 scalar."""
    if not tf.is_tensor(number):
        return math.log(number) if base == math.e else math.log(number, base)
    return tf.math.log(tf.cast(number, tf.float64)) / math.log(base)


def square_root(number: Any) -> Any:
    """`math.sqrt(number)`; of a size that is known to the graph alone, a float64 scalar."""
    return tf.sqrt(tf.cast(number, tf.float64)) if tf.is_tensor(number) else math.sqrt(number)


def rounded_up(number: Any) -> Any:
    """`math.ceil(number)`; of what is known to the graph alone, an int64 scalar."""
    return tf.cast(tf.math.ceil(number), tf.int64) if tf.is_tensor(number) else math.ceil(number)


def rounded_down(number: Any) -> Any:
    """`math.floor(number)`; of what is known to the graph alone, an int64 scalar."""
    return tf.cast(tf.math.floor(number), tf.int64) if tf.is_tensor(number) else math.floor(number)


def as_int(number: Any) -> Any:
    """`int(number)`; one that is not known while tracing stays a scalar tensor, int64 and rounded down."""
    known = tf.get_static_value(number) if tf.is_tensor(number) else number
    return tf.cast(number, tf.int64) if known is None else int(known)


def as_float(number: Any) -> Any:
    """A number that meets a Python float; one that is not known while tracing becomes a float32 scalar."""
    if not tf.is_tensor(number):
        return number
    known = tf.get_static_value(number)
    return tf.cast(number, tf.float32) if known is None else float(known)


def to_list(tensor: Any) -> Any:
    """`tensor.tolist()`: numbers where the values are known, scalar tensors in a graph.

    A vector of whose length only the graph knows becomes `Sizes`, which `tf.split` takes.
    """
    known = tf.get_static_value(tensor)
    if known is not None:
        return known.tolist()
    if tensor.shape.rank == 0:
        return tensor
    if tensor.shape.rank == 1 and tensor.shape[0] is None:
        return Sizes(tensor)
    return [to_list(part) for part in tf.unstack(tensor)]


def pixel_shuffle(images: Any, factor: int) -> Any:
    """`torch.nn.functional.pixel_shuffle` of images `(batch, channels, height, width)`."""
    batch, channels, height, width = shape_list(images)
    parts = tf.reshape(images, (batch, channels // factor**2, factor, factor, height, width))
    moved = tf.transpose(parts, perm=[0, 1, 4, 2, 5, 3])
    return tf.reshape(moved, (batch, channels // factor**2, height * factor, width * factor))


def pixel_unshuffle(images: Any, factor: int) -> Any:
    """`torch.nn.functional.pixel_unshuffle` of images `(batch, channels, height, width)`."""
    batch, channels, height, width = shape_list(images)
    parts = tf.reshape(images, (batch, channels, height // factor, factor, width // factor, factor))
    moved = tf.transpose(parts, perm=[0, 1, 3, 5, 2, 4])
    return tf.reshape(moved, (batch, channels * factor**2, height // factor, width // factor))


def view_as_real(tensor: Any) -> Any:
    """`torch.view_as_real`: real and imaginary part along a new last axis."""
    return tf.stack([tf.math.real(tensor), tf.math.imag(tensor)], axis=-1)


def view_as_complex(tensor: Any) -> Any:
    """`torch.view_as_complex`: the last axis holds real and imaginary part."""
    return tf.complex(tensor[..., 0], tensor[..., 1])
