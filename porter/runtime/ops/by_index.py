"""Reading and writing tensors by index, as PyTorch does; nothing is changed in place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from porter.runtime.port_errors import Unsupported


def places(condition: Any) -> Any:
    """The places `(1,)` where a condition `(n,)` holds; in a graph all n, for code that does nothing at the others."""
    if tf.executing_eagerly():
        return tf.where(condition)
    return [np.array([place]) for place in range(condition.shape[0])]


def index(tensor: Any, position: Any) -> Any:
    """`tensor[position]` with PyTorch's meaning of tensors, masks and lists among the indices.

    Integers, slices, None and `...` are applied first. The axes of index tensors stand where the first of them
    stood if they were neighbours, else in front.
    """
    tensor = tf.convert_to_tensor(tensor)
    basic, advanced = _separate(tensor, position)
    tensor = tensor[tuple(basic)] if basic else tensor
    if not advanced:
        return tensor
    axes = [axis for axis, _ in advanced]
    tensors = _broadcast([value for _, value in advanced])
    rest = [axis for axis in range(tensor.shape.rank) if axis not in axes]
    found = tf.gather_nd(tf.transpose(tensor, [*axes, *rest]), tf.stack(tensors, axis=-1))
    first, rank = axes[0], tensors[0].shape.rank
    if axes != list(range(first, first + len(axes))) or first == 0:
        return found
    return tf.transpose(found, [*range(rank, rank + first), *range(rank), *range(rank + first, found.shape.rank)])


def index_put(tensor: Any, position: Any, values: Any, accumulate: bool = False) -> Any:
    """The tensor after `tensor[position] = values`, or after they were all added to what stands there."""
    tensor = tf.convert_to_tensor(tensor)
    shape = tf.shape(tensor, out_type=tf.int64)
    places = index(tf.reshape(tf.range(tf.reduce_prod(shape)), shape), position)
    values = tf.broadcast_to(tf.cast(values, tensor.dtype), tf.shape(places))
    write = tf.tensor_scatter_nd_add if accumulate else tf.tensor_scatter_nd_update
    flat = write(tf.reshape(tensor, [-1]), tf.reshape(places, [-1, 1]), tf.reshape(values, [-1]))
    return tf.ensure_shape(tf.reshape(flat, shape), tensor.shape)


def slice_update(tensor: Any, position: Any, values: Any) -> Any:
    """The tensor after `tensor[position] = values`, where the position holds integers, slices, None and `...`."""
    tensor = tf.convert_to_tensor(tensor)
    entries = [entry for entry in _expanded(tensor, position) if entry is not None]
    bounds = [_bounds(entry) for entry in entries]
    part = tensor[tuple(_as_slice(entry) for entry in entries)]
    target = tf.shape(tensor[_tuple(position)])
    values = tf.reshape(tf.broadcast_to(tf.cast(values, tensor.dtype), target), tf.shape(part))
    updated = tf.raw_ops.TensorStridedSliceUpdate(
        input=tensor,
        begin=tf.stack([tf.cast(0 if begin is None else begin, tf.int64) for begin, _, _ in bounds]),
        end=tf.stack([tf.cast(0 if end is None else end, tf.int64) for _, end, _ in bounds]),
        strides=tf.stack([tf.cast(stride, tf.int64) for _, _, stride in bounds]),
        value=values,
        begin_mask=sum(1 << axis for axis, (begin, _, _) in enumerate(bounds) if begin is None),
        end_mask=sum(1 << axis for axis, (_, end, _) in enumerate(bounds) if end is None),
    )
    return tf.ensure_shape(updated, tensor.shape)


def _bounds(entry: Any) -> tuple[Any, Any, Any]:
    """Begin, end and stride of one axis; None for an open end. An integer is a slice of one element."""
    if isinstance(entry, slice):
        return entry.start, entry.stop, 1 if entry.step is None else entry.step
    if isinstance(entry, int):
        return entry, entry + 1 if entry != -1 else None, 1
    entry = tf.cast(entry, tf.int64)
    return entry, tf.where(entry == -1, tf.int64.max, entry + 1), 1


def _as_slice(entry: Any) -> Any:
    begin, end, stride = _bounds(entry)
    return slice(begin, end, stride)


def _tuple(position: Any) -> tuple[Any, ...]:
    return tuple(position) if isinstance(position, tuple) else (position,)


def _expanded(tensor: Any, position: Any) -> list[Any]:
    """One entry per axis and per None: `...` is written out, missing axes are added."""
    entries = list(_tuple(position))
    used = sum(_width(entry) for entry in entries)
    fill = [slice(None)] * (tensor.shape.rank - used)
    at = next((n for n, entry in enumerate(entries) if entry is Ellipsis), None)
    return entries + fill if at is None else [*entries[:at], *fill, *entries[at + 1 :]]


def _width(entry: Any) -> int:
    """How many axes an entry stands for."""
    if entry is None or entry is Ellipsis:
        return 0
    return entry.shape.rank if _is_mask(entry) else 1


def _is_mask(entry: Any) -> bool:
    return bool(tf.is_tensor(entry) and entry.dtype == tf.bool)


def _is_positions(entry: Any) -> bool:
    return isinstance(entry, list) or (hasattr(entry, "shape") and len(entry.shape) > 0)


def _separate(tensor: Any, position: Any) -> tuple[list[Any], list[tuple[int, Any]]]:
    """The basic part of an index, with full slices where tensors stand, and the tensors by resulting axis."""
    basic: list[Any] = []
    advanced: list[tuple[int, Any]] = []
    axis = 0
    for entry in _expanded(tensor, position):
        if _is_mask(entry):
            columns = tf.unstack(tf.where(entry), num=entry.shape.rank, axis=1)
            advanced += [(axis + offset, column) for offset, column in enumerate(columns)]
            basic += [slice(None)] * len(columns)
            axis += len(columns)
        elif _is_positions(entry):
            advanced.append(
                (axis, _positive(tf.cast(entry, tf.int64), tensor, len([b for b in basic if b is not None])))
            )
            basic.append(slice(None))
            axis += 1
        else:
            basic.append(entry)
            axis += 1 if entry is None or isinstance(entry, slice) else 0
    return basic, advanced


def _positive(positions: Any, tensor: Any, axis: int) -> Any:
    """Negative positions counted from the end."""
    return tf.where(positions < 0, positions + tf.shape(tensor, out_type=tf.int64)[axis], positions)


def _broadcast(tensors: Sequence[Any]) -> list[Any]:
    if len(tensors) == 1:
        return list(tensors)
    shape = tf.shape(tensors[0])
    for other in tensors[1:]:
        shape = tf.broadcast_dynamic_shape(shape, tf.shape(other))
    return [tf.broadcast_to(tensor, shape) for tensor in tensors]


def gather_along(tensor: Any, positions: Any, axis: int) -> Any:
    """`torch.gather(tensor, axis, positions)`: as many axes as the tensor, each at most as long."""
    coordinates = _coordinates(positions, axis % tensor.shape.rank)
    return tf.gather_nd(tensor, coordinates)


def scatter(tensor: Any, positions: Any, values: Any, axis: int) -> Any:
    """`torch.scatter(tensor, axis, positions, values)`; `values` may be a number."""
    coordinates = _coordinates(positions, axis % tensor.shape.rank)
    return tf.tensor_scatter_nd_update(tensor, coordinates, _cut(values, positions, tensor.dtype))


def scatter_add(tensor: Any, positions: Any, values: Any, axis: int) -> Any:
    """`torch.scatter_add(tensor, axis, positions, values)`."""
    coordinates = _coordinates(positions, axis % tensor.shape.rank)
    return tf.tensor_scatter_nd_add(tensor, coordinates, _cut(values, positions, tensor.dtype))


def scatter_reduce(tensor: Any, positions: Any, values: Any, axis: int, reduce: str, include_self: bool = True) -> Any:
    """`torch.scatter_reduce(tensor, axis, positions, values, reduce)`: sum, mean, amax or amin.

    Without `include_self` the old values do not count where there are new ones.
    """
    if reduce not in ("sum", "mean", "amax", "amin"):
        raise Unsupported(f"scatter_reduce does not cover reduce={reduce!r}.")
    coordinates = _coordinates(positions, axis % tensor.shape.rank)
    values = _cut(values, positions, tensor.dtype)
    if not include_self:
        neutral = {"amax": tensor.dtype.min, "amin": tensor.dtype.max}.get(reduce, 0)
        tensor = tf.tensor_scatter_nd_update(
            tensor, coordinates, tf.fill(tf.shape(values), tf.cast(neutral, tensor.dtype))
        )
    if reduce in ("amax", "amin"):
        update = tf.tensor_scatter_nd_max if reduce == "amax" else tf.tensor_scatter_nd_min
        return update(tensor, coordinates, values)
    total = tf.tensor_scatter_nd_add(tensor, coordinates, values)
    if reduce == "sum":
        return total
    counts = tf.tensor_scatter_nd_add(tf.zeros_like(tensor), coordinates, tf.ones_like(values))
    return total / tf.maximum(counts + tf.cast(include_self, counts.dtype), 1)


def _coordinates(positions: Any, axis: int) -> Any:
    """The full coordinates of every element that `positions` names along one axis."""
    shape = tf.shape(positions, out_type=tf.int64)
    rank = positions.shape.rank
    grid = [tf.reshape(tf.range(shape[n]), [-1 if m == n else 1 for m in range(rank)]) for n in range(rank)]
    grid[axis] = tf.cast(positions, tf.int64)
    return tf.stack([tf.broadcast_to(part, shape) for part in grid], axis=-1)


def _cut(values: Any, positions: Any, dtype: Any) -> Any:
    """As many of the values as there are positions along every axis."""
    values = tf.cast(values, dtype)
    if values.shape.rank == 0:
        return tf.fill(tf.shape(positions), values)
    return tf.slice(values, [0] * values.shape.rank, tf.shape(positions))


def index_add(tensor: Any, positions: Any, values: Any, axis: int) -> Any:
    """`torch.index_add(tensor, axis, positions, values)`: whole slices added along one axis."""
    moved, back = _to_front(tensor, axis)
    added = tf.tensor_scatter_nd_add(moved, tf.expand_dims(positions, 1), _to_front(values, axis)[0])
    return tf.transpose(added, back)


def index_copy(tensor: Any, positions: Any, values: Any, axis: int) -> Any:
    """`torch.index_copy(tensor, axis, positions, values)`: whole slices written along one axis."""
    moved, back = _to_front(tensor, axis)
    written = tf.tensor_scatter_nd_update(moved, tf.expand_dims(positions, 1), _to_front(values, axis)[0])
    return tf.transpose(written, back)


def _to_front(tensor: Any, axis: int) -> tuple[Any, list[int]]:
    rank = tensor.shape.rank
    axis %= rank
    perm = [axis, *[other for other in range(rank) if other != axis]]
    return tf.transpose(tensor, perm), [perm.index(other) for other in range(rank)]


def masked_scatter(tensor: Any, mask: Any, source: Any) -> Any:
    """`tensor.masked_scatter(mask, source)`: the values of the source in order, where the mask holds."""
    mask = tf.broadcast_to(mask, tf.shape(tensor))
    order = tf.cumsum(tf.cast(tf.reshape(mask, [-1]), tf.int64)) - 1
    source = tf.reshape(tf.cast(source, tensor.dtype), [-1])
    last = tf.maximum(tf.size(source, out_type=tf.int64) - 1, 0)
    padded = tf.concat([source, tf.zeros([1], source.dtype)], axis=0)
    taken = tf.gather(padded, tf.clip_by_value(order, 0, last))
    return tf.where(mask, tf.reshape(taken, tf.shape(tensor)), tensor)


def isin(elements: Any, candidates: Any) -> Any:
    """`torch.isin(elements, candidates)`."""
    candidates = tf.reshape(tf.cast(candidates, elements.dtype), [-1])
    return tf.reduce_any(tf.equal(tf.expand_dims(elements, -1), candidates), axis=-1)
