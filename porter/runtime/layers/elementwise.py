"""Layers that call a function, and slopes that are learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf


class Elementwise(keras.layers.Layer):
    """A layer that gives what a function gives for its inputs.

    Args:
        function: a function of one or several tensors.
        options: further arguments of the function; `name`, `dtype` and `trainable` are Keras' own.
    """

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        own = {key: options.pop(key) for key in ("name", "dtype", "trainable") if key in options}
        super().__init__(**own)
        self.function, self.options = function, options

    def call(self, *inputs: Any) -> Any:
        """The function's result."""
        return self.function(*inputs, **self.options)


class PReLU(keras.layers.Layer):
    """`torch.nn.PReLU`: negative values are multiplied by a learned slope.

    Args:
        num_parameters: one slope for all, or one for each channel, the second axis.
        init: where slopes start.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_parameters, self.init = num_parameters, init

    def build(self, input_shape: Any = None) -> None:
        """Add the slopes."""
        start = keras.initializers.Constant(self.init)
        self.alpha = self.add_weight(name="alpha", shape=(self.num_parameters,), initializer=start)

    def call(self, inputs: Any) -> Any:
        """Positive values as they are, negative ones times their slope."""
        return prelu(inputs, tf.convert_to_tensor(self.alpha))


def prelu(inputs: Any, weight: Any) -> Any:
    """`torch.nn.functional.prelu`; several slopes belong to the second axis."""
    rank = inputs.shape.rank
    slopes = tf.reshape(weight, [1, -1] + [1] * (rank - 2)) if rank > 1 else weight
    return tf.where(inputs > 0, inputs, tf.cast(slopes, inputs.dtype) * inputs)
