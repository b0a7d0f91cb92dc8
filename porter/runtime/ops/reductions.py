"""Reductions, sorting and counting, as PyTorch returns them: values with int64 indices."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf


class Values(NamedTuple):
    """What `torch.max`, `torch.topk` and `torch.sort` return."""

    values: Any
    indices: Any


def as_numbers(tensor: Any) -> Any:
    """The tensor as PyTorch adds it up: booleans and integers as int64."""
    return tf.cast(tensor, tf.int64) if tensor.dtype.is_bool or tensor.dtype.is_integer else tensor


def max_with_indices(tensor: Any, axis: int, keepdims: bool = False) -> Values:
    """`torch.max(tensor, dim=axis)`."""
    return _extremum(tensor, axis, keepdims, tf.reduce_max, tf.argmax)


def min_with_indices(tensor: Any, axis: int, keepdims: bool = False) -> Values:
    """`torch.min(tensor, dim=axis)`."""
    return _extremum(tensor, axis, keepdims, tf.reduce_min, tf.argmin)


def _extremum(tensor: Any, axis: int, keepdims: bool, value: Any, position: Any) -> Values:
    indices = position(tensor, axis=axis)
    return Values(value(tensor, axis=axis, keepdims=keepdims), tf.expand_dims(indices, axis) if keepdims else indices)


def top_k(tensor: Any, k: Any, axis: int = -1, largest: bool = True, sorted: bool = True) -> Values:
    """`torch.topk(tensor, k, dim=axis)`; equal values come in order of their position."""
    tensor, back = _to_last(tensor, axis)
    indices = tf.math.top_k(tensor if largest else -tensor, k=tf.cast(k, tf.int32), sorted=sorted).indices
    values = tf.gather(tensor, indices, batch_dims=tensor.shape.rank - 1)
    return Values(_back(values, back), _back(_positions(indices, tensor), back))


def sort_with_indices(tensor: Any, axis: int = -1, descending: bool = False) -> Values:
    """`torch.sort(tensor, dim=axis)`, stable."""
    tensor, back = _to_last(tensor, axis)
    indices = tf.argsort(tensor, direction="DESCENDING" if descending else "ASCENDING", stable=True)
    values = tf.gather(tensor, indices, batch_dims=tensor.shape.rank - 1)
    return Values(_back(values, back), _back(_positions(indices, tensor), back))


def argsort(tensor: Any, axis: int = -1, descending: bool = False) -> Any:
    """`torch.argsort(tensor, dim=axis)`, stable."""
    return sort_with_indices(tensor, axis, descending).indices


def _positions(indices: Any, tensor: Any) -> Any:
    """The indices of a sort along the last axis of the tensor, as int64 and for every use.

    They are looked up in the row of all positions, which changes nothing but this: XLA on CPU of TensorFlow 2.21
    spoils memory where `tf.where` is asked for the places in which the integers of a sort equal something.
    """
    return tf.gather(tf.range(tf.shape(tensor, tf.int64)[-1]), indices)


def kth_value(tensor: Any, k: Any, axis: int = -1, keepdims: bool = False) -> Values:
    """`torch.kthvalue(tensor, k, dim=axis)`: the k-th smallest, counted from 1."""
    ordered = sort_with_indices(tensor, axis)
    place = tf.reshape(tf.cast(k, tf.int64) - 1, [1])
    found = [tf.gather(each, place, axis=axis) for each in ordered]
    return Values(*(each if keepdims else tf.squeeze(each, axis) for each in found))


def median_with_indices(tensor: Any, axis: int, keepdims: bool = False) -> Values:
    """`torch.median(tensor, dim=axis)`: the lower of the two middle values."""
    return kth_value(tensor, (tf.shape(tensor)[axis] + 1) // 2, axis, keepdims)


def _to_last(tensor: Any, axis: int) -> tuple[Any, list[int] | None]:
    rank = tensor.shape.rank
    if axis % rank == rank - 1:
        return tensor, None
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    return tf.transpose(tensor, perm), perm


def _back(tensor: Any, perm: list[int] | None) -> Any:
    return tensor if perm is None else tf.transpose(tensor, perm)


def var(tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`torch.var` with its default of dividing by n - 1."""
    variance = tf.math.reduce_variance(tensor, axis=axis, keepdims=True)
    count = tf.cast(tf.size(tensor) // tf.size(variance), tensor.dtype)
    variance = variance * count / (count - 1)
    return variance if keepdims else tf.squeeze(variance, axis=axis)


def std(tensor: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`torch.std` with its default of dividing by n - 1; where nothing varies the gradient is 0, as PyTorch's."""
    variance = var(tensor, axis=axis, keepdims=keepdims)
    varies = variance > 0
    return tf.where(varies, tf.sqrt(tf.where(varies, variance, tf.ones_like(variance))), variance)


def cummax(tensor: Any, axis: int) -> Values:
    """`torch.cummax`: the greatest value so far, and the last position that has it."""
    tensor, back = _to_last(tensor, axis)
    size = tf.shape(tensor)[-1]
    seen = tf.range(size) <= tf.range(size)[:, tf.newaxis]
    candidates = tf.where(seen, tensor[..., tf.newaxis, :], tensor.dtype.min)
    values = tf.reduce_max(candidates, axis=-1)
    equal = tf.logical_and(seen, candidates == values[..., tf.newaxis])
    places = tf.where(equal, tf.range(tf.cast(size, tf.int64)), -1)
    return Values(_back(values, back), _back(tf.reduce_max(places, axis=-1), back))


def cummin(tensor: Any, axis: int) -> Values:
    """`torch.cummin`: the smallest value so far, and the last position that has it."""
    values, indices = cummax(-tensor, axis)
    return Values(-values, indices)


def median(tensor: Any) -> Any:
    """`torch.median(tensor)`: the lower of the two middle values."""
    ordered = tf.sort(tf.reshape(tensor, [-1]))
    return ordered[(tf.size(ordered) - 1) // 2]


def histc(tensor: Any, bins: int = 100, low: Any = 0, high: Any = 0) -> Any:
    """`torch.histc`: counts in bins of equal width; values outside are not counted."""
    flat = tf.reshape(tensor, [-1])
    low, high = tf.cast(low, flat.dtype), tf.cast(high, flat.dtype)
    inside = tf.boolean_mask(flat, tf.logical_and(flat >= low, flat <= high))
    return tf.cast(tf.histogram_fixed_width(inside, [low, high], nbins=bins), tensor.dtype)


def unique(tensor: Any, return_inverse: bool = False, return_counts: bool = False) -> Any:
    """`torch.unique` of the flattened tensor, sorted."""
    flat = tf.reshape(tensor, [-1])
    values, inverse, counts = tf.unique_with_counts(flat, out_idx=tf.int64)
    order = tf.argsort(values)
    rank = tf.cast(tf.math.invert_permutation(order), tf.int64)
    inverse = tf.reshape(tf.gather(rank, inverse), tf.shape(tensor))
    found = (tf.gather(values, order), inverse, tf.gather(counts, order))
    return _wanted(found, return_inverse, return_counts)


def unique_consecutive(
    tensor: Any, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None
) -> Any:
    """`torch.unique_consecutive`: runs of equal values become one, of the flattened tensor or along an axis."""
    if axis not in (None, -1) and not (axis == 0 and tensor.shape.rank == 1):
        moved = tensor if axis == 0 else tf.experimental.numpy.moveaxis(tensor, axis, 0)
        rows = tf.reshape(moved, [tf.shape(moved)[0], -1])
        new = tf.reduce_any(tf.not_equal(rows[1:], rows[:-1]), axis=1)
    else:
        moved = tf.reshape(tensor, [-1])
        new = tf.not_equal(moved[1:], moved[:-1])
    starts = tf.concat([tf.ones([1], tf.bool), new], axis=0)[: tf.shape(moved)[0]]
    inverse = tf.cumsum(tf.cast(starts, tf.int64)) - 1
    counts = tf.math.bincount(tf.cast(inverse, tf.int32), dtype=tf.int64)
    values = tf.boolean_mask(moved, starts)
    if axis not in (None, 0, -1):
        values = tf.experimental.numpy.moveaxis(values, 0, axis)
    if axis is None:
        inverse = tf.reshape(inverse, tf.shape(tensor))
    return _wanted((values, inverse, counts), return_inverse, return_counts)


def _wanted(found: tuple[Any, Any, Any], return_inverse: bool, return_counts: bool) -> Any:
    values, inverse, counts = found
    extra = [*([inverse] if return_inverse else []), *([counts] if return_counts else [])]
    return (values, *extra) if extra else values


def cdist(first: Any, second: Any) -> Any:
    """`torch.cdist`: Euclidean distances between all rows of two batches."""
    difference = tf.expand_dims(first, -2) - tf.expand_dims(second, -3)
    return tf.norm(difference, axis=-1)


def nan_to_num(tensor: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """`torch.nan_to_num`: infinities become the dtype's limits unless given."""
    return keras.ops.nan_to_num(tensor, nan, posinf, neginf)


def polar(length: Any, angle: Any) -> Any:
    """`torch.polar`: a complex number by its length and angle."""
    return tf.complex(length * tf.cos(angle), length * tf.sin(angle))


def truncated_divide(first: Any, second: Any) -> Any:
    """`torch.div(first, second, rounding_mode="trunc")`: integers stay integers."""
    if isinstance(first, int) and isinstance(second, int):
        return int(first / second)
    if tf.as_dtype(first.dtype).is_integer:
        return tf.truncatediv(first, tf.cast(second, first.dtype))
    return tf.cast(tf.cast(first / second, tf.int64), first.dtype)


def multinomial(weights: Any, num_samples: int, replacement: bool = False) -> Any:
    """`torch.multinomial`: positions drawn by weight; without replacement by the greatest of perturbed logs."""
    logits = tf.math.log(weights)
    if replacement:
        rows = logits if logits.shape.rank == 2 else logits[tf.newaxis]
        drawn = tf.random.categorical(rows, num_samples, dtype=tf.int64)
        return drawn if logits.shape.rank == 2 else drawn[0]
    noise = -tf.math.log(-tf.math.log(tf.random.uniform(tf.shape(logits), dtype=logits.dtype)))
    return tf.cast(tf.math.top_k(logits + noise, k=num_samples).indices, tf.int64)
