"""Normalisation with PyTorch's meaning, over `(batch, channels, ...)`."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class BatchNorm(keras.layers.BatchNormalization):
    """`torch.nn.BatchNorm1d`, `2d` and `3d`.

    Unlike Keras' own, it counts batches, and its running variance is that of a sample, as PyTorch's are.

    Args:
        num_features: the number of channels.
        epsilon: added to the variance.
        momentum: share of the new batch in the running statistics; None for the mean of all batches.
        affine: whether there are a weight and a bias.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        num_features: int,
        epsilon: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(axis=1, epsilon=epsilon, center=affine, scale=affine, **kwargs)
        self.num_features = num_features
        self.new_share = momentum

    def build(self, input_shape: Any) -> None:
        """Add the weights; the second size of `input_shape` is the number of channels."""
        super().build(input_shape)
        self.input_spec = None  # (batch, channels) is normalised as well, whatever rank it was built for
        self.num_batches_tracked = self.add_weight(
            name="num_batches_tracked", shape=(), dtype="int64", initializer="zeros", trainable=False, autocast=False
        )

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise each channel, by the batch's statistics in training, else by the running ones."""
        mean, variance = tf.convert_to_tensor(self.moving_mean), tf.convert_to_tensor(self.moving_variance)
        wide = tf.cast(inputs, variance.dtype)  # statistics are in float32 in mixed precision
        if training and self.trainable:
            mean, variance = tf.nn.moments(wide, [0, *range(2, inputs.shape.rank)])
            self._count(mean, variance, tf.size(inputs) / tf.shape(inputs)[1])
        shape = [1, -1] + [1] * (inputs.shape.rank - 2)
        scale = tf.math.rsqrt(variance + self.epsilon)
        if self.scale:
            scale = scale * tf.cast(self.gamma, variance.dtype)
        shift = -mean * scale
        if self.center:
            shift = shift + tf.cast(self.beta, variance.dtype)
        return tf.cast(wide * tf.reshape(scale, shape) + tf.reshape(shift, shape), inputs.dtype)

    def _count(self, mean: Any, variance: Any, size: Any) -> None:
        """Let the running statistics follow; `size` is the number of values of a channel."""
        self.num_batches_tracked.assign(self.num_batches_tracked + 1)
        size = tf.cast(size, variance.dtype)
        share: Any = self.new_share
        if share is None:
            share = 1.0 / tf.cast(self.num_batches_tracked.value, variance.dtype)
        for running, new in ((self.moving_mean, mean), (self.moving_variance, variance * size / (size - 1.0))):
            running.assign(running + share * (new - running))


class GroupNorm(keras.layers.Layer):
    """`torch.nn.GroupNorm`.

    Args:
        groups: how many groups the channels are divided into.
        epsilon: added to the variance.
        affine: whether there are a weight and a bias.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(self, groups: int, epsilon: float = 1e-5, affine: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.groups, self.epsilon, self.affine = groups, epsilon, affine

    def build(self, input_shape: Any) -> None:
        """Add the weights; the second size of `input_shape` is the number of channels."""
        self.gamma = self.beta = None
        if self.affine:
            self.gamma = self.add_weight(name="gamma", shape=(input_shape[1],), initializer="ones")
            self.beta = self.add_weight(name="beta", shape=(input_shape[1],), initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Normalise each group of channels of `(batch, channels, ...)`."""
        shape = tf.shape(inputs)
        grouped = tf.reshape(inputs, tf.stack([shape[0], self.groups, -1]))
        mean, variance = tf.nn.moments(grouped, [-1], keepdims=True)
        normal = tf.reshape((grouped - mean) * tf.math.rsqrt(variance + self.epsilon), shape)
        if not self.affine:
            return tf.ensure_shape(normal, inputs.shape)
        around = [1, -1] + [1] * (inputs.shape.rank - 2)
        scaled = normal * tf.reshape(tf.convert_to_tensor(self.gamma), around)
        return tf.ensure_shape(scaled + tf.reshape(tf.convert_to_tensor(self.beta), around), inputs.shape)


class InstanceNorm(keras.layers.Layer):
    """`torch.nn.InstanceNorm1d`, `2d` and `3d`.

    Args:
        num_features: the number of channels.
        epsilon: added to the variance.
        momentum: share of the new batch in the running statistics.
        affine: whether there are a weight and a bias.
        track_running_stats: whether there are running statistics, which count outside training.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        num_features: int,
        epsilon: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_features, self.epsilon, self.new_share = num_features, epsilon, momentum
        self.affine, self.track_running_stats = affine, track_running_stats

    def build(self, input_shape: Any = None) -> None:
        """Add the weights."""
        shape = (self.num_features,)
        self.gamma = self.beta = None
        if self.affine:
            self.gamma = self.add_weight(name="gamma", shape=shape, initializer="ones")
            self.beta = self.add_weight(name="beta", shape=shape, initializer="zeros")
        if self.track_running_stats:
            fixed: dict[str, Any] = {"trainable": False}
            self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer="zeros", **fixed)
            self.moving_variance = self.add_weight(name="moving_variance", shape=shape, initializer="ones", **fixed)
            self.num_batches_tracked = self.add_weight(
                name="num_batches_tracked", shape=(), dtype="int64", initializer="zeros", autocast=False, **fixed
            )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Normalise each channel of each row of `(batch, channels, ...)`."""
        around = [1, -1] + [1] * (inputs.shape.rank - 2)
        if self.track_running_stats and not training:
            mean, variance = (tf.reshape(each, around) for each in (self.moving_mean, self.moving_variance))
        else:
            mean, variance = tf.nn.moments(inputs, list(range(2, inputs.shape.rank)), keepdims=True)
            if self.track_running_stats:
                self._count(mean, variance, tf.size(inputs[0, 0]))
        normal = (inputs - mean) * tf.math.rsqrt(variance + self.epsilon)
        if not self.affine:
            return normal
        gamma, beta = (tf.reshape(tf.convert_to_tensor(each), around) for each in (self.gamma, self.beta))
        return normal * gamma + beta

    def _count(self, mean: Any, variance: Any, size: Any) -> None:
        """Let the running statistics follow those of the rows, on average; `size` is the values of a channel."""
        size = tf.cast(size, variance.dtype)
        self.num_batches_tracked.assign(self.num_batches_tracked + 1)
        for running, new in ((self.moving_mean, mean), (self.moving_variance, variance * size / (size - 1.0))):
            running.assign(running + self.new_share * (tf.reshape(tf.reduce_mean(new, axis=0), [-1]) - running))


class LayerNorm(keras.layers.Layer):
    """`torch.nn.LayerNorm` over several axes; over one Keras has its own.

    Args:
        normalized_shape: the sizes of the last axes.
        epsilon: added to the variance.
        affine: whether there is a weight.
        bias: whether there is a bias beside the weight.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self, normalized_shape: Any, epsilon: float = 1e-5, affine: bool = True, bias: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        one = isinstance(normalized_shape, int)
        self.normalized_shape = (normalized_shape,) if one else tuple(normalized_shape)
        self.epsilon, self.affine, self.use_bias = epsilon, affine, bias

    def build(self, input_shape: Any = None) -> None:
        """Add the weights."""
        self.gamma = self.beta = None
        if self.affine:
            self.gamma = self.add_weight(name="gamma", shape=self.normalized_shape, initializer="ones")
        if self.affine and self.use_bias:
            self.beta = self.add_weight(name="beta", shape=self.normalized_shape, initializer="zeros")

    def call(self, inputs: Any) -> Any:
        """Normalise the last axes together."""
        axes = list(range(-len(self.normalized_shape), 0))
        mean, variance = tf.nn.moments(inputs, axes, keepdims=True)
        normal = (inputs - mean) * tf.math.rsqrt(variance + self.epsilon)
        normal = normal if self.gamma is None else normal * self.gamma
        return normal if self.beta is None else normal + self.beta


class SizedLayerNormalization(keras.layers.LayerNormalization):
    """Keras' own layer, for tensors whose last size a graph does not know: it is the one that `build` was told."""

    def build(self, input_shape: Any) -> None:
        """Add the weights."""
        super().build(input_shape)
        self.size = input_shape[-1]

    def call(self, inputs: Any) -> Any:
        """Normalise the last axis."""
        return super().call(tf.ensure_shape(inputs, [*inputs.shape[:-1], self.size]))
