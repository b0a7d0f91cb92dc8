"""Pooling with PyTorch's meaning, over `(batch, channels, ...)`, whose batch axis may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.layers.convolution import (
    Sizes,
    batch_axis_optional,
    channels_first,
    channels_last,
    per_axis,
)
from porter.runtime.ops.common import shape_list
from porter.runtime.ops.conv import pool_windows


class _Pooling(keras.layers.Layer):
    """Pooling over windows.

    Args:
        kernel_size: size of the window, a number or one for each axis of space.
        stride: steps, likewise; by default the window's size.
        padding: places added on each side, likewise; they never are the maximum.
        ceil_mode: also a last window that is only partly inside.
        kwargs: Keras' own: name, dtype, trainable.
    """

    rank: int

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kernel_size = per_axis(kernel_size, self.rank)
        self.stride = self.kernel_size if stride is None else per_axis(stride, self.rank)
        self.padding = per_axis(padding, self.rank)
        self.ceil_mode = ceil_mode

    def _pads(self, sizes: Sequence[Any], spans: Sequence[int]) -> list[list[Any]]:
        """Places before and after each axis, with those that a last window lacks."""
        pads: list[list[Any]] = []
        for size, span, step, around in zip(sizes, spans, self.stride, self.padding, strict=True):
            extra: Any = 0
            if self.ceil_mode:
                rest = (size + 2 * around - span) % step
                missing = (step - rest) % step
                # A window that would begin behind the padded input does not count.
                starts_inside = size + around > size + 2 * around - span + missing
                extra = tf.where(starts_inside, missing, 0)
            pads.append([around, around + extra])
        return [[0, 0], *pads, [0, 0]]


class _MaxPooling(_Pooling):
    """The greatest of each window; see `_Pooling`. `dilation` is the distance between a window's places."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        ceil_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, **kwargs)
        self.dilation = per_axis(dilation, self.rank)

    @batch_axis_optional
    def call(self, inputs: Any) -> Any:
        """Pool."""
        x = channels_last(inputs)
        spans = [rate * (size - 1) + 1 for rate, size in zip(self.dilation, self.kernel_size, strict=True)]
        x = tf.pad(x, self._pads(shape_list(x)[1:-1], spans), constant_values=x.dtype.min)
        return channels_first(pool_windows(x, self.kernel_size, "MAX", self.stride, self.dilation))


class _AveragePooling(_Pooling):
    """The mean of each window; see `_Pooling`. Padding counts as zeros unless `count_include_pad` is False."""

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, **kwargs)
        self.count_include_pad = count_include_pad

    @batch_axis_optional
    def call(self, inputs: Any) -> Any:
        """Pool."""
        x = channels_last(inputs)
        pads = self._pads(shape_list(x)[1:-1], self.kernel_size)
        mean = pool_windows(tf.pad(x, pads), self.kernel_size, "AVG", self.stride)
        if not self.ceil_mode and (self.count_include_pad or not any(self.padding)):
            return channels_first(mean)
        counted = tf.ones_like(x[:1, ..., :1])
        if self.count_include_pad:
            around = [[0, 0], *([size, size] for size in self.padding), [0, 0]]
            counted = tf.pad(counted, around, constant_values=1)
            pads = [[0, after - before] for before, after in pads]
        share = pool_windows(tf.pad(counted, pads), self.kernel_size, "AVG", self.stride)
        return channels_first(mean / share)


class _AdaptivePooling(keras.layers.Layer):
    """Windows such that `output_size` (None: the input's size) results are left, of the input's size in a graph too.

    Args:
        output_size: a number, or one for each axis of space.
        kwargs: Keras' own: name, dtype, trainable.
    """

    rank: int

    def __init__(self, output_size: int | Sequence[int | None], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        is_one = isinstance(output_size, int)
        self.output_size: tuple[int | None, ...] = (output_size,) * self.rank if is_one else tuple(output_size)  # type: ignore[arg-type,assignment]

    def reduce(self, x: Any, axis: int) -> Any:
        """Reduce one axis to size 1."""
        raise NotImplementedError

    def call(self, inputs: Any) -> Any:
        """Pool axis by axis."""
        first = inputs.shape.rank - self.rank
        for axis, size in enumerate(self.output_size, start=first):
            if size is not None:
                inputs = self._pooled(inputs, axis, size)
        return inputs

    def _pooled(self, x: Any, axis: int, size: int) -> Any:
        if size == 1:
            return self.reduce(x, axis)
        length = shape_list(x)[axis]
        before = (slice(None),) * axis
        edges = [(index * length // size, -(-(index + 1) * length // size)) for index in range(size)]
        return tf.concat([self.reduce(x[(*before, slice(*edge))], axis) for edge in edges], axis=axis)


class _AdaptiveAverage(_AdaptivePooling):
    def reduce(self, x: Any, axis: int) -> Any:
        """The mean."""
        return tf.reduce_mean(x, axis=axis, keepdims=True)


class _AdaptiveMaximum(_AdaptivePooling):
    def reduce(self, x: Any, axis: int) -> Any:
        """The greatest."""
        return tf.reduce_max(x, axis=axis, keepdims=True)


class MaxPool1D(_MaxPooling):
    """`torch.nn.MaxPool1d`."""

    rank = 1


class MaxPool2D(_MaxPooling):
    """`torch.nn.MaxPool2d`."""

    rank = 2


class MaxPool3D(_MaxPooling):
    """`torch.nn.MaxPool3d`."""

    rank = 3


class AvgPool1D(_AveragePooling):
    """`torch.nn.AvgPool1d`."""

    rank = 1


class AvgPool2D(_AveragePooling):
    """`torch.nn.AvgPool2d`."""

    rank = 2


class AvgPool3D(_AveragePooling):
    """`torch.nn.AvgPool3d`."""

    rank = 3


class AdaptiveAvgPool1D(_AdaptiveAverage):
    """`torch.nn.AdaptiveAvgPool1d`."""

    rank = 1


class AdaptiveAvgPool2D(_AdaptiveAverage):
    """`torch.nn.AdaptiveAvgPool2d`."""

    rank = 2


class AdaptiveAvgPool3D(_AdaptiveAverage):
    """`torch.nn.AdaptiveAvgPool3d`."""

    rank = 3


class AdaptiveMaxPool1D(_AdaptiveMaximum):
    """`torch.nn.AdaptiveMaxPool1d`."""

    rank = 1


class AdaptiveMaxPool2D(_AdaptiveMaximum):
    """`torch.nn.AdaptiveMaxPool2d`."""

    rank = 2


class AdaptiveMaxPool3D(_AdaptiveMaximum):
    """`torch.nn.AdaptiveMaxPool3d`."""

    rank = 3
