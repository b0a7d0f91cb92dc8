"""Pooling that says where its maxima were, back from there, and other pooling that TensorFlow lacks.

Tensors are `(batch, channels, ...)`; `kernel_size`, `stride` and `padding` are a number or one for each axis of space.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import shape_list
from porter.runtime.ops.conv import Sizes, avg_pool


def _each(sizes: Sizes, axes: int) -> tuple[int, ...]:
    return (sizes,) * axes if isinstance(sizes, int) else tuple(sizes)


def max_pool_with_indices(
    tensor: Any, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0, dilation: Sizes = 1
) -> tuple[Any, Any]:
    """The maxima of windows, and each one's place in the flattened axes of space, int64, as PyTorch counts."""
    axes = tensor.shape.rank - 2
    kernel, pads, rates = _each(kernel_size, axes), _each(padding, axes), _each(dilation, axes)
    steps = kernel if stride is None else _each(stride, axes)
    sizes = shape_list(tensor)[2:]
    framed = tf.pad(tensor, [[0, 0], [0, 0], *([pad, pad] for pad in pads)], constant_values=tensor.dtype.min)
    counts = [
        (size + 2 * pad - rate * (width - 1) - 1) // step + 1
        for size, pad, rate, width, step in zip(sizes, pads, rates, kernel, steps, strict=True)
    ]
    values, places = [], []
    for offsets in itertools.product(*map(range, kernel)):
        starts = [offset * rate for offset, rate in zip(offsets, rates, strict=True)]
        spans = [
            slice(start, start + (count - 1) * step + 1, step)
            for start, count, step in zip(starts, counts, steps, strict=True)
        ]
        values.append(framed[(slice(None), slice(None), *spans)])
        places.append(_flat_places([s.start - pad for s, pad in zip(spans, pads, strict=True)], counts, steps, sizes))
    stacked = tf.stack(values)
    best = tf.argmax(stacked, axis=0)
    flat = sum(tf.where(best == at, place, 0) for at, place in enumerate(places))
    return tf.reduce_max(stacked, axis=0), flat


def _flat_places(starts: Sequence[Any], counts: Sequence[Any], steps: Sequence[int], sizes: Sequence[Any]) -> Any:
    """Where each window's part with these starts lies, if the axes of space are one."""
    flat: Any = tf.zeros([], tf.int64)
    for start, count, step, size in zip(starts, counts, steps, sizes, strict=True):
        along = start + step * tf.range(tf.cast(count, tf.int64), dtype=tf.int64)
        flat = flat[..., None] * tf.cast(size, tf.int64) + along
    return flat


def max_unpool(
    tensor: Any,
    indices: Any,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[Any] | None = None,
) -> Any:
    """`torch.nn.functional.max_unpool1d/2d/3d`: the maxima back in their places, zeros elsewhere."""
    axes = tensor.shape.rank - 2
    kernel, pads = _each(kernel_size, axes), _each(padding, axes)
    steps = kernel if stride is None else _each(stride, axes)
    batch, channels, *sizes = shape_list(tensor)
    whole = [
        (size - 1) * step - 2 * pad + width for size, step, pad, width in zip(sizes, steps, pads, kernel, strict=True)
    ]
    if output_size is not None:
        whole = list(output_size)[-axes:]
    rows = batch * channels
    flat = math.prod(whole)
    places = tf.reshape(tf.cast(indices, tf.int64), (rows, -1)) + tf.range(rows, dtype=tf.int64)[:, None] * flat
    filled = tf.tensor_scatter_nd_update(
        tf.zeros([rows * flat], tensor.dtype), tf.reshape(places, (-1, 1)), tf.reshape(tensor, (-1,))
    )
    return tf.reshape(filled, (batch, channels, *whole))


def lp_pool(
    tensor: Any, norm_type: float, kernel_size: Sizes, stride: Sizes | None = None, ceil_mode: bool = False
) -> Any:
    """`torch.nn.functional.lp_pool1d/2d/3d`: the norm of each window, as PyTorch takes it, by way of the mean."""
    area = math.prod(_each(kernel_size, tensor.shape.rank - 2))
    mean = avg_pool(tensor**norm_type, kernel_size, stride, 0, ceil_mode)
    return (tf.sign(mean) * tf.nn.relu(tf.abs(mean)) * area) ** (1.0 / norm_type)


def channel_shuffle(tensor: Any, groups: int) -> Any:
    """`torch.nn.functional.channel_shuffle`: the first channels of all groups, then the second ones, and so on."""
    batch, channels, *sizes = shape_list(tensor)
    grouped = tf.reshape(tensor, (batch, groups, channels // groups, *sizes))
    swapped = tf.transpose(grouped, [0, 2, 1, *range(3, len(sizes) + 3)])
    return tf.reshape(swapped, (batch, channels, *sizes))


def local_response_norm(tensor: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """`torch.nn.functional.local_response_norm`: divided by what neighbouring channels have."""
    squares = tensor * tensor
    around = [[0, 0] for _ in range(tensor.shape.rank)]
    around[1] = [size // 2, (size - 1) // 2]
    padded = tf.pad(squares, around)
    channels = shape_list(tensor)[1]
    total = sum(padded[:, start : start + channels] for start in range(size))
    return tensor / (k + alpha / size * total) ** beta
