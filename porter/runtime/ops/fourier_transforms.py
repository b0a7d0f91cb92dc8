"""Fourier transforms along any axis, in windows and with PyTorch's norms; TensorFlow's own take the last axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.ops.shapes import pad


def fftn(tensor: Any, axes: Sequence[int] | None = None, norm: str | None = None) -> Any:
    """`torch.fft.fftn`: one axis after the other."""
    for axis in _every(tensor, axes):
        tensor = _scaled(_along(tf.signal.fft, _complex(tensor), axis), tf.shape(tensor)[axis], norm)
    return tensor


def ifftn(tensor: Any, axes: Sequence[int] | None = None, norm: str | None = None) -> Any:
    """`torch.fft.ifftn`: one axis after the other."""
    for axis in _every(tensor, axes):
        tensor = _unscaled(_along(tf.signal.ifft, _complex(tensor), axis), tf.shape(tensor)[axis], norm)
    return tensor


def rfft(tensor: Any, length: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    """`torch.fft.rfft(tensor, length, axis)`: cropped or padded with zeros to `length`."""
    transformed = _along(lambda last: tf.signal.rfft(last, _sizes(length)), tensor, axis)
    return _scaled(transformed, tf.shape(tensor)[axis] if length is None else length, norm)


def irfft(tensor: Any, length: Any = None, axis: int = -1, norm: str | None = None) -> Any:
    """`torch.fft.irfft(tensor, length, axis)`: `length` real numbers, the greatest even number without it."""
    transformed = _along(lambda last: tf.signal.irfft(last, _sizes(length)), tensor, axis)
    return _unscaled(transformed, tf.shape(transformed)[axis], norm)


def rfftn(tensor: Any, axes: Sequence[int] | None = None, norm: str | None = None) -> Any:
    """`torch.fft.rfftn`: the last of the axes gives half of its frequencies, as those of real numbers repeat."""
    *others, last = _every(tensor, axes)
    return fftn(rfft(tensor, axis=last, norm=norm), others, norm)


def irfftn(tensor: Any, length: Any = None, axes: Sequence[int] | None = None, norm: str | None = None) -> Any:
    """`torch.fft.irfftn`: `length` real numbers along the last of the axes, the greatest even number without it."""
    *others, last = _every(tensor, axes)
    return irfft(ifftn(tensor, others, norm), length, axis=last, norm=norm)


def stft(
    signal: Any, size: int, hop: int | None = None, window: Any = None, center: bool = True, normalized: bool = False
) -> Any:
    """`torch.stft(..., return_complex=True)` of `(batch, samples)` or `(samples,)`: `(..., size // 2 + 1, frames)`.

    `window` holds up to `size` numbers and stands in the middle of each frame; the signal is reflected at its ends.
    """
    if center:
        padded = pad(tf.reshape(signal, [-1, 1, tf.shape(signal)[-1]]), (size // 2, size // 2), mode="reflect")
        signal = tf.reshape(padded, tf.concat([tf.shape(signal)[:-1], tf.shape(padded)[-1:]], axis=0))
    frames = tf.signal.frame(signal, size, hop or size // 4)
    spectrum = tf.signal.rfft(frames * _whole(window, size, signal.dtype))
    spectrum = spectrum / tf.cast(size**0.5, spectrum.dtype) if normalized else spectrum
    return tf.linalg.matrix_transpose(spectrum)


def istft(
    spectrum: Any, size: int, hop: int | None = None, window: Any = None, center: bool = True, length: Any = None
) -> Any:
    """`torch.istft` of `(..., size // 2 + 1, frames)`: the samples of which `stft` makes it."""
    hop, whole = hop or size // 4, _whole(window, size, spectrum.dtype.real_dtype)
    frames = tf.signal.irfft(tf.linalg.matrix_transpose(spectrum), [size]) * whole
    total = tf.signal.overlap_and_add(frames, hop)
    weight = tf.signal.overlap_and_add(tf.broadcast_to(whole**2, [tf.shape(frames)[-2], size]), hop)
    start = size // 2 if center else 0
    end = tf.shape(total)[-1] - start if length is None else start + length
    return total[..., start:end] / weight[start:end]


def _whole(window: Any, size: int, dtype: Any) -> Any:
    """The window, with zeros on both sides up to `size`."""
    if window is None:
        return tf.ones([size], dtype)
    window = tf.cast(window, dtype)
    missing = size - tf.shape(window)[0]
    return tf.reshape(tf.pad(window, [[missing // 2, missing - missing // 2]]), [size])


def _scaled(transformed: Any, size: Any, norm: str | None) -> Any:
    """What a forward transform gives under a norm; "backward" and None change nothing."""
    power = {"ortho": -0.5, "forward": -1.0}.get(norm or "")
    return transformed if power is None else transformed * _power(size, power, transformed.dtype)


def _unscaled(transformed: Any, size: Any, norm: str | None) -> Any:
    power = {"ortho": 0.5, "forward": 1.0}.get(norm or "")
    return transformed if power is None else transformed * _power(size, power, transformed.dtype)


def _power(size: Any, power: float, dtype: Any) -> Any:
    return tf.cast(tf.cast(size, dtype.real_dtype) ** tf.cast(power, dtype.real_dtype), dtype)


def _complex(tensor: Any) -> Any:
    if tensor.dtype.is_complex:
        return tensor
    return tf.cast(tensor, tf.complex128 if tensor.dtype == tf.float64 else tf.complex64)


def _every(tensor: Any, axes: Sequence[int] | None) -> Sequence[int]:
    return range(tensor.shape.rank) if axes is None else axes


def _sizes(length: Any) -> Any:
    return None if length is None else tf.cast(tf.reshape(length, (1,)), tf.int32)


def _along(transform: Callable[[Any], Any], tensor: Any, axis: int) -> Any:
    last = tensor.shape.rank - 1
    if axis % (last + 1) == last:
        return transform(tensor)
    order = list(range(last + 1))
    order[axis], order[last] = last, order[axis]
    return tf.transpose(transform(tf.transpose(tensor, order)), order)
