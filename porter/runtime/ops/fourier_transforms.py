"""Fourier transforms along any axis; TensorFlow's own take the last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf


def fftn(tensor: Any, axes: Any = None) -> Any:
    """`torch.fft.fftn`: one axis after the other."""
    tensor = tf.cast(tensor, tf.complex64) if not tensor.dtype.is_complex else tensor
    for axis in range(tensor.shape.rank) if axes is None else axes:
        tensor = _along(tf.signal.fft, tensor, axis)
    return tensor


def rfft(tensor: Any, length: Any = None, axis: int = -1) -> Any:
    """`torch.fft.rfft(tensor, length, axis)`: cropped or padded with zeros to `length`."""
    return _along(lambda last: tf.signal.rfft(last, _sizes(length)), tensor, axis)


def irfft(tensor: Any, length: Any = None, axis: int = -1) -> Any:
    """`torch.fft.irfft(tensor, length, axis)`: `length` real numbers, the greatest even number without it."""
    return _along(lambda last: tf.signal.irfft(last, _sizes(length)), tensor, axis)


def _sizes(length: Any) -> Any:
    return None if length is None else tf.cast(tf.reshape(length, (1,)), tf.int32)


def _along(transform: Callable[[Any], Any], tensor: Any, axis: int) -> Any:
    last = tensor.shape.rank - 1
    if axis % (last + 1) == last:
        return transform(tensor)
    order = list(range(last + 1))
    order[axis], order[last] = last, order[axis]
    return tf.transpose(transform(tf.transpose(tensor, order)), order)
