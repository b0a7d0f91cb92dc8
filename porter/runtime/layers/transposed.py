"""Transposed convolutions with PyTorch's meaning."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from porter.runtime.layers.convolution import (
    KernelLayer,
    Sizes,
    batch_axis_optional,
    channels_first,
    channels_last,
    per_axis,
)
from porter.runtime.ops.common import shape_list

_OPERATIONS = (tf.nn.conv1d_transpose, tf.nn.conv2d_transpose, tf.nn.conv3d_transpose)


class _TransposedConvolution(KernelLayer):
    """The reverse of a convolution.

    Args:
        filters: number of output channels.
        kernel_size: size of the kernel, a number or one for each axis of space.
        strides: steps, likewise.
        padding: places taken away on each side, likewise.
        output_padding: places added at the end, likewise.
        groups: how many groups the channels are divided into.
        use_bias: whether a bias is added.
        dilation_rate: distances between the kernel's places, likewise.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        use_bias: bool = True,
        dilation_rate: Sizes = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, dilation_rate, groups, use_bias, **kwargs)
        self.padding = per_axis(padding, self.rank)
        self.output_padding = per_axis(output_padding, self.rank)

    def kernel_shape(self, inputs: int) -> tuple[int, ...]:
        """Space, output channels of a group, input channels."""
        return (*self.kernel_size, self.filters // self.groups, inputs)

    @batch_axis_optional
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Reverse a convolution whose result was `(batch, channels, ...)`."""
        x, kernel = channels_last(inputs), self._dilated(self.effective_kernel(training))
        parts = zip(tf.split(x, self.groups, axis=-1), tf.split(kernel, self.groups, axis=-1), strict=True)
        whole = tf.concat([self._transposed(part, part_kernel) for part, part_kernel in parts], axis=-1)
        longer = tf.pad(whole, [[0, 0], *([0, size] for size in self.output_padding), [0, 0]])
        sizes = shape_list(longer)[1:-1]
        inner = [slice(cut, size - cut) for cut, size in zip(self.padding, sizes, strict=True)]
        return channels_first(self.with_bias(longer[(slice(None), *inner)]))

    def _dilated(self, kernel: Any) -> Any:
        """The kernel with zeros between its places: transposed operations know no dilation on CPUs."""
        for axis, rate in enumerate(self.dilation_rate):
            if rate > 1:
                size = self.kernel_size[axis]
                places = tf.range(size) * rate
                moved = tf.transpose(kernel, [axis, *(i for i in range(kernel.shape.rank) if i != axis)])
                spread = tf.scatter_nd(places[:, None], moved, (rate * (size - 1) + 1, *shape_list(moved)[1:]))
                order = list(range(1, axis + 1)) + [0] + list(range(axis + 1, kernel.shape.rank))
                kernel = tf.transpose(spread, order)
        return kernel

    def _transposed(self, x: Any, kernel: Any) -> Any:
        """Without anything taken away."""
        shape = shape_list(x)
        spans = shape_list(kernel)[: self.rank]
        axes = zip(shape[1:-1], self.strides, spans, strict=True)
        sizes = [(size - 1) * step + span for size, step, span in axes]
        target = tf.stack([tf.cast(size, tf.int32) for size in (shape[0], *sizes, kernel.shape[-2])])
        operation = _OPERATIONS[self.rank - 1]
        return operation(x, kernel, target, list(self.strides), padding="VALID")


class Conv1DTranspose(_TransposedConvolution):
    """`torch.nn.ConvTranspose1d` over `(batch, channels, length)`; arguments as in `Conv2DTranspose`."""

    rank = 1


class Conv2DTranspose(_TransposedConvolution):
    """`torch.nn.ConvTranspose2d` over `(batch, channels, height, width)`."""

    rank = 2


class Conv3DTranspose(_TransposedConvolution):
    """`torch.nn.ConvTranspose3d` over `(batch, channels, depth, height, width)`; arguments as in `Conv2DTranspose`."""

    rank = 3
