"""Layers without weights that rearrange, enlarge or frame their input `(batch, channels, ...)`."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from porter.runtime.ops import nn_functional as ops_functional
from porter.runtime.ops import shapes as ops_shape
from porter.runtime.ops.common import shape_list


class PixelShuffle(keras.layers.Layer):
    """`torch.nn.PixelShuffle`: channels become pixels."""

    def __init__(self, upscale_factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.upscale_factor = upscale_factor

    def call(self, inputs: Any) -> Any:
        """Rearrange."""
        return ops_shape.pixel_shuffle(inputs, self.upscale_factor)


class PixelUnshuffle(keras.layers.Layer):
    """`torch.nn.PixelUnshuffle`: pixels become channels."""

    def __init__(self, downscale_factor: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.downscale_factor = downscale_factor

    def call(self, inputs: Any) -> Any:
        """Rearrange."""
        return ops_shape.pixel_unshuffle(inputs, self.downscale_factor)


class GLU(keras.layers.Layer):
    """`torch.nn.GLU`: the first half gated by the second."""

    def __init__(self, dim: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim = dim

    def call(self, inputs: Any) -> Any:
        """Gate."""
        return ops_functional.glu(inputs, self.dim)


class Flatten(keras.layers.Layer):
    """`torch.nn.Flatten`: the axes from `start_dim` to `end_dim` become one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_dim, self.end_dim = start_dim, end_dim

    def call(self, inputs: Any) -> Any:
        """Join the axes."""
        return ops_shape.flatten(inputs, start_dim=self.start_dim, end_dim=self.end_dim)


class Unflatten(keras.layers.Layer):
    """`torch.nn.Unflatten`: one axis becomes several."""

    def __init__(self, dim: int, unflattened_size: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def call(self, inputs: Any) -> Any:
        """Part the axis."""
        sizes = shape_list(inputs)
        at = self.dim % len(sizes)
        return tf.reshape(inputs, (*sizes[:at], *self.unflattened_size, *sizes[at + 1 :]))


class Upsample(keras.layers.Layer):
    """`torch.nn.Upsample`; see `porter.runtime.interpolate`."""

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def call(self, inputs: Any) -> Any:
        """Enlarge."""
        return ops_functional.interpolate(inputs, self.size, self.scale_factor, self.mode, self.align_corners)


class Pad(keras.layers.Layer):
    """`torch.nn.ZeroPad2d` and its relatives.

    Args:
        padding: pairs from the last axis on, or one number for all sides of `axes` axes.
        mode: `"constant"`, `"reflect"`, `"replicate"` or `"circular"`.
        value: what is put around in mode `"constant"`.
        axes: number of padded axes, where `padding` is one number.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(self, padding: Any, mode: str = "constant", value: float = 0.0, axes: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.padding = [padding] * 2 * axes if isinstance(padding, int) else list(padding)
        self.mode, self.value = mode, value

    def call(self, inputs: Any) -> Any:
        """Frame."""
        return ops_shape.pad(inputs, self.padding, self.mode, self.value)


class Unfold(keras.layers.Layer):
    """`torch.nn.Unfold`: patches as columns."""

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kernel_size, self.dilation, self.padding, self.stride = kernel_size, dilation, padding, stride

    def call(self, inputs: Any) -> Any:
        """Cut."""
        return ops_functional.unfold(inputs, self.kernel_size, self.dilation, self.padding, self.stride)
