"""What `torch.distributions` has of the distributions that models return, score and draw from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from porter.runtime.port_errors import Unsupported


class Distribution:
    """Numbers that are drawn; `batch_shape` are the axes of its parameters.

    `rsample` lets gradients through where numbers are made of parameters and noise.
    """

    batch_shape: Any

    def sample(self, sample_shape: Any = ()) -> Any:
        """Numbers of shape `sample_shape` + `batch_shape`, through which no gradient goes."""
        return tf.stop_gradient(self._drawn(self._size(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density, or of the probability, at a value."""
        raise NotImplementedError

    def entropy(self) -> Any:
        """How much is unknown before a number is drawn, in nats."""
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        """The root of the variance."""
        return tf.sqrt(self.variance)

    @property
    def variance(self) -> Any:
        """The mean square of the distance from the mean."""
        raise NotImplementedError

    def _drawn(self, shape: Any) -> Any:
        raise NotImplementedError

    def _size(self, sample_shape: Any) -> Any:
        """`sample_shape` + `batch_shape`."""
        return tf.concat([tf.reshape(tf.cast(sample_shape, tf.int32), (-1,)), self.batch_shape], axis=0)


class Normal(Distribution):
    """`torch.distributions.Normal`: `loc` and `scale` are broadcast to each other."""

    def __init__(self, loc: Any, scale: Any) -> None:
        kept = next((tf.convert_to_tensor(each) for each in (loc, scale) if tf.is_tensor(each)), None)
        dtype = tf.float32 if kept is None else kept.dtype
        loc, scale = tf.cast(loc, dtype), tf.cast(scale, dtype)
        self.loc, self.scale = loc + tf.zeros_like(scale), scale + tf.zeros_like(loc)
        self.batch_shape = tf.shape(self.loc)

    @property
    def mean(self) -> Any:
        """The middle."""
        return self.loc

    @property
    def mode(self) -> Any:
        """The most likely number, which is the middle too."""
        return self.loc

    @property
    def stddev(self) -> Any:
        """The scale."""
        return self.scale

    @property
    def variance(self) -> Any:
        """The square of the scale."""
        return tf.square(self.scale)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Numbers of shape `sample_shape` + `batch_shape` that gradients go through."""
        return self._drawn(self._size(sample_shape))

    def _drawn(self, shape: Any) -> Any:
        return self.loc + self.scale * tf.random.normal(shape, dtype=self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density at a value."""
        distance = tf.square(value - self.loc) / (2 * self.variance)
        return -distance - tf.math.log(self.scale) - math.log(math.sqrt(2 * math.pi))

    def entropy(self) -> Any:
        """How much is unknown before a number is drawn, in nats."""
        return 0.5 + 0.5 * math.log(2 * math.pi) + tf.math.log(self.scale)

    def cdf(self, value: Any) -> Any:
        """The probability of what is not above a value."""
        return 0.5 * (1 + tf.math.erf((value - self.loc) / (self.scale * math.sqrt(2))))


class Categorical(Distribution):
    """`torch.distributions.Categorical` over the last axis of `probs` or `logits`, one of which is given."""

    def __init__(self, probs: Any = None, logits: Any = None) -> None:
        if probs is not None:
            self.probs = probs / tf.reduce_sum(probs, axis=-1, keepdims=True)
            self.logits = tf.math.log(_inside(self.probs))
        else:
            self.logits = logits - tf.reduce_logsumexp(logits, axis=-1, keepdims=True)
            self.probs = tf.nn.softmax(self.logits, axis=-1)
        self.batch_shape = tf.shape(self.logits)[:-1]

    @property
    def mode(self) -> Any:
        """The most likely class."""
        return tf.argmax(self.probs, axis=-1)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability of each class in `value`, int64 as PyTorch has them."""
        classes = tf.shape(self.logits)[-1]
        value = tf.cast(value, tf.int64)
        shape = tf.broadcast_dynamic_shape(tf.shape(value), self.batch_shape)
        logits = tf.broadcast_to(self.logits, tf.concat([shape, [classes]], axis=0))
        found = tf.gather(
            tf.reshape(logits, (-1, classes)), tf.reshape(tf.broadcast_to(value, shape), (-1,)), batch_dims=1
        )
        return tf.reshape(found, shape)

    def entropy(self) -> Any:
        """How much is unknown before a class is drawn, in nats."""
        return -tf.reduce_sum(tf.maximum(self.logits, self.logits.dtype.min) * self.probs, axis=-1)

    def _drawn(self, shape: Any) -> Any:
        classes = tf.shape(self.logits)[-1]
        logits = tf.broadcast_to(self.logits, tf.concat([shape, [classes]], axis=0))
        return tf.reshape(tf.random.categorical(tf.reshape(logits, (-1, classes)), 1, dtype=tf.int64), shape)


class Bernoulli(Distribution):
    """`torch.distributions.Bernoulli` of `probs` or `logits`, one of which is given."""

    def __init__(self, probs: Any = None, logits: Any = None) -> None:
        self.probs = tf.sigmoid(logits) if probs is None else tf.convert_to_tensor(probs)
        inside = _inside(self.probs) if logits is None else None
        self.logits = logits if inside is None else tf.math.log(inside) - tf.math.log1p(-inside)
        self.batch_shape = tf.shape(self.probs)

    @property
    def mean(self) -> Any:
        """The probability of 1."""
        return self.probs

    @property
    def variance(self) -> Any:
        """The mean square of the distance from the mean."""
        return self.probs * (1 - self.probs)

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the probability of each 0 or 1."""
        return -tf.nn.sigmoid_cross_entropy_with_logits(*_broadcast(tf.cast(value, self.logits.dtype), self.logits))

    def entropy(self) -> Any:
        """How much is unknown before a number is drawn, in nats."""
        return tf.nn.sigmoid_cross_entropy_with_logits(self.probs, self.logits)

    def _drawn(self, shape: Any) -> Any:
        return tf.cast(tf.random.uniform(shape, dtype=self.probs.dtype) < self.probs, self.probs.dtype)


class Independent(Distribution):
    """`torch.distributions.Independent`: the last axes of a distribution are one event."""

    def __init__(self, base_distribution: Any, reinterpreted_batch_ndims: int) -> None:
        self.base_dist = base_distribution
        self.axes = list(range(-reinterpreted_batch_ndims, 0))
        shape = base_distribution.batch_shape
        self.batch_shape = shape[: tf.size(shape) - reinterpreted_batch_ndims]

    @property
    def mean(self) -> Any:
        """That of the distribution inside."""
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        """That of the distribution inside."""
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        """That of the distribution inside."""
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        """What the distribution inside draws."""
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """What the distribution inside draws, with gradients."""
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        """The sum over an event."""
        return tf.reduce_sum(self.base_dist.log_prob(value), axis=self.axes)

    def entropy(self) -> Any:
        """The sum over an event."""
        return tf.reduce_sum(self.base_dist.entropy(), axis=self.axes)


def kl_divergence(p: Any, q: Any) -> Any:
    """`torch.distributions.kl_divergence` of two distributions of one kind.

    Raises:
        Unsupported: they are of two kinds.
    """
    if isinstance(p, Normal) and isinstance(q, Normal):
        ratio = tf.square(p.scale / q.scale)
        return 0.5 * (ratio + tf.square((p.loc - q.loc) / q.scale) - 1 - tf.math.log(ratio))
    if isinstance(p, Categorical) and isinstance(q, Categorical):
        return tf.reduce_sum(p.probs * (p.logits - q.logits), axis=-1)
    if isinstance(p, Bernoulli) and isinstance(q, Bernoulli):
        zeros = tf.math.softplus(q.logits) - tf.math.softplus(p.logits)
        return zeros + p.probs * (p.logits - q.logits)
    if isinstance(p, Independent) and isinstance(q, Independent) and p.axes == q.axes:
        return tf.reduce_sum(kl_divergence(p.base_dist, q.base_dist), axis=p.axes)
    raise Unsupported(f"No divergence of {type(p).__name__} from {type(q).__name__} is known here.")


def _inside(probs: Any) -> Any:
    """Probabilities that are neither 0 nor 1, as PyTorch bounds them before it takes logarithms."""
    smallest = float(np.finfo(probs.dtype.as_numpy_dtype).eps)
    return tf.clip_by_value(probs, smallest, 1 - smallest)


def _broadcast(value: Any, other: Any) -> tuple[Any, Any]:
    shape = tf.broadcast_dynamic_shape(tf.shape(value), tf.shape(other))
    return tf.broadcast_to(value, shape), tf.broadcast_to(other, shape)
