"""Convolutions with PyTorch's meaning: channels before space, padding on both sides by number, groups.

Kernels lie in Keras' layout, so weights are those of `keras.layers.Conv2D` and its like. TensorFlow computes
convolutions with channels last on CPUs, so the two transposes stand around the operation, where they often cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.layers.kernel_parts import KernelParts
from porter.runtime.ops.shapes import pad

Sizes = int | Sequence[int]
DATA_FORMATS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


def per_axis(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number for each axis of space."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def channels_last(x: Any) -> Any:
    """`(batch, channels, ...)` to `(batch, ..., channels)`."""
    return tf.transpose(x, [0, *range(2, x.shape.rank), 1])


def channels_first(x: Any) -> Any:
    """`(batch, ..., channels)` to `(batch, channels, ...)`."""
    rank = x.shape.rank
    return tf.transpose(x, [0, rank - 1, *range(1, rank - 1)])


def batch_axis_optional(call: Callable[..., Any]) -> Callable[..., Any]:
    """A `call` that also takes one row, `(channels, ...)`, and then gives one, as PyTorch's layers of space do.

    The layer has a `rank`, the number of axes of space.
    """

    @wraps(call)
    def of_rows(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if inputs.shape.rank == self.rank + 1:
            return call(self, inputs[tf.newaxis], *args, **kwargs)[0]
        return call(self, inputs, *args, **kwargs)

    return of_rows


class KernelLayer(keras.layers.Layer):
    """What convolutions and transposed convolutions share: a kernel, perhaps made of other weights, and a bias.

    Args:
        filters: number of output channels.
        kernel_size: size of the kernel, a number or one for each axis of space.
        strides: steps, likewise.
        dilation_rate: distances between the kernel's places, likewise.
        groups: how many groups the channels are divided into.
        use_bias: whether a bias is added.
        kwargs: Keras' own: name, dtype, trainable.
    """

    rank: int

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = per_axis(kernel_size, self.rank)
        self.strides = per_axis(strides, self.rank)
        self.dilation_rate = per_axis(dilation_rate, self.rank)
        self.groups = groups
        self.use_bias = use_bias
        self.parts: KernelParts | None = None

    def kernel_shape(self, inputs: int) -> tuple[int, ...]:
        """The kernel's shape in Keras' layout, for this many input channels."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        """Add the weights; the size of `input_shape` before those of space is the number of input channels."""
        self.in_channels = int(input_shape[-1 - self.rank])
        shape = self.kernel_shape(self.in_channels)
        if self.parts is None:
            self.kernel = self.add_weight(name="kernel", shape=shape)
        else:
            self.parts.add(self, shape)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")

    def effective_kernel(self, training: bool | None = None) -> Any:
        """The kernel, or the one that other weights make, which a call in training may change."""
        if self.parts is None:
            return tf.convert_to_tensor(self.kernel)
        if training:
            self.parts.before_training_call(self)
        return self.parts.kernel(self)

    def with_bias(self, x: Any) -> Any:
        """Add the bias to the last axis."""
        return x if self.bias is None else x + tf.convert_to_tensor(self.bias)


class _Convolution(KernelLayer):
    """A convolution.

    Args:
        filters: number of output channels.
        kernel_size: size of the kernel, a number or one for each axis of space.
        strides: steps, likewise.
        padding: places added on each side, likewise; or `"same"` or `"valid"`.
        dilation_rate: distances between the kernel's places, likewise.
        groups: how many groups the channels are divided into.
        use_bias: whether a bias is added.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: Sizes | str = 0,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        use_bias: bool = True,
        padding_mode: str = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, kernel_size, strides, dilation_rate, groups, use_bias, **kwargs)
        self.padding = padding if isinstance(padding, str) else per_axis(padding, self.rank)
        self.padding_mode = padding_mode

    def kernel_shape(self, inputs: int) -> tuple[int, ...]:
        """Space, input channels of a group, output channels."""
        return (*self.kernel_size, inputs // self.groups, self.filters)

    def pads(self) -> list[tuple[int, int]]:
        """Places before and after each axis of space."""
        if self.padding == "valid":
            return [(0, 0)] * self.rank
        if isinstance(self.padding, str):  # "same"
            spans = [rate * (size - 1) for rate, size in zip(self.dilation_rate, self.kernel_size, strict=True)]
            return [(span // 2, span - span // 2) for span in spans]
        return [(size, size) for size in self.padding]

    @batch_axis_optional
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Convolve `(batch, channels, ...)`."""
        x = channels_last(inputs)  # before it is padded, so that the transpose meets that of a layer before
        pads = self.pads()
        if any(any(pair) for pair in pads):
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x = pad(x, [0, 0, *(size for pair in reversed(pads) for size in pair)], mode=mode)
        return channels_first(self.with_bias(self._convolved(x, self.effective_kernel(training))))

    def _convolved(self, x: Any, kernel: Any) -> Any:
        channels = kernel.shape[-2] * self.groups
        one_step = len(set(self.strides)) == 1 and (self.strides[0] == 1 or set(self.dilation_rate) == {1})
        if self.groups == channels and self.groups > 1 and self.rank < 3 and one_step:
            return self._depthwise(x, kernel)
        if self.groups == 1:
            return self._plain(x, kernel)
        # TensorFlow's own groups have no gradient on CPUs.
        parts = zip(tf.split(x, self.groups, axis=-1), tf.split(kernel, self.groups, axis=-1), strict=True)
        return tf.concat([self._plain(part, part_kernel) for part, part_kernel in parts], axis=-1)

    def _plain(self, x: Any, kernel: Any) -> Any:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            steps = [slice(None, None, step) for step in self.strides]
            return tf.nn.convolution(x, kernel, dilations=self.dilation_rate)[(slice(None), *steps)]
        form = DATA_FORMATS[self.rank]
        return tf.nn.convolution(x, kernel, self.strides, dilations=self.dilation_rate, data_format=form)

    def _depthwise(self, x: Any, kernel: Any) -> Any:
        """One group for each channel, for which TensorFlow has an operation of its own."""
        flat = self.rank == 1
        x, kernel = (x[:, None], kernel[None]) if flat else (x, kernel)
        size, multiple = kernel.shape[:2], self.filters // self.groups
        kernel = tf.reshape(kernel, (*size, self.groups, multiple))
        steps, rates = self.strides, self.dilation_rate
        steps, rates = ((steps[0],) * 2, (1, rates[0])) if flat else (steps, rates)
        result = tf.nn.depthwise_conv2d(x, kernel, (1, *steps, 1), "VALID", dilations=rates)
        return result[:, 0] if flat else result


class Conv1D(_Convolution):
    """`torch.nn.Conv1d` over `(batch, channels, length)`; arguments as in `Conv2D`."""

    rank = 1


class Conv2D(_Convolution):
    """`torch.nn.Conv2d` over `(batch, channels, height, width)`."""

    rank = 2


class Conv3D(_Convolution):
    """`torch.nn.Conv3d` over `(batch, channels, depth, height, width)`; arguments as in `Conv2D`."""

    rank = 3
