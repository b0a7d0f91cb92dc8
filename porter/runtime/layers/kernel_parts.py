"""Kernels that are computed from other weights: a direction and its lengths, or a weight over its largest stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import tensorflow as tf


class KernelParts(Protocol):
    """The weights that a layer has in place of its kernel, and the kernel that they make."""

    def add(self, layer: Any, shape: Sequence[int]) -> None:
        """Add the weights to a layer whose kernel has this shape."""

    def before_training_call(self, layer: Any) -> None:
        """What a call in training changes before it computes."""

    def kernel(self, layer: Any) -> tf.Tensor:
        """The kernel."""


@dataclass(frozen=True)
class DirectionAndLength:
    """Weight normalisation: `kernel_norm` has a length for each slice of an axis, or one for all where it is None."""

    axis: int | None

    def add(self, layer: Any, shape: Sequence[int]) -> None:
        """Add both."""
        norms = tuple(size if axis == self.axis else 1 for axis, size in enumerate(shape))
        norms = () if self.axis is None else norms
        layer.kernel_norm = layer.add_weight(name="kernel_norm", shape=norms, initializer="ones")
        layer.kernel_direction = layer.add_weight(name="kernel_direction", shape=tuple(shape))

    def before_training_call(self, layer: Any) -> None:
        """Nothing."""

    def kernel(self, layer: Any) -> tf.Tensor:
        """Each slice has the direction of one weight and the length of the other."""
        direction = tf.convert_to_tensor(layer.kernel_direction)
        others = [other for other in range(direction.shape.rank) if other != self.axis]
        length = tf.sqrt(tf.reduce_sum(tf.square(direction), axis=others, keepdims=self.axis is not None))
        return direction * (tf.convert_to_tensor(layer.kernel_norm) / length)


@dataclass(frozen=True)
class OverLargestStretch:
    """Spectral normalisation: a weight over its largest singular value, which two vectors estimate.

    Attributes:
        order: the kernel's axes as PyTorch's weight has them, the normalised one first.
        rounds: how often a call in training improves the vectors.
        eps: the least length that a vector is divided by.
        left_first: whether the vector of the normalised axis is the first to be improved.
        settling: how many rounds a fresh layer has behind it.
    """

    order: tuple[int, ...]
    rounds: int
    eps: float
    left_first: bool
    settling: int

    def add(self, layer: Any, shape: Sequence[int]) -> None:
        """Add the weight and the vectors, which are not trained."""
        height, *others = (shape[axis] for axis in self.order)
        width = 1
        for size in others:
            width *= size
        layer.kernel_original = layer.add_weight(name="kernel_original", shape=tuple(shape))
        vectors = {"kernel_u": height, "kernel_v": width}
        for name, size in vectors.items():
            vector = layer.add_weight(name=name, shape=(size,), initializer=_unit_vector, trainable=False)
            setattr(layer, name, vector)

    def before_training_call(self, layer: Any) -> None:
        """Improve the vectors, once for each round."""
        self.improve(layer, self.rounds)

    def improve(self, layer: Any, rounds: int) -> None:
        """Bring the vectors nearer to those of the largest singular value; no gradient flows through them."""
        matrix = tf.stop_gradient(self._matrix(layer))
        u, v = tf.convert_to_tensor(layer.kernel_u), tf.convert_to_tensor(layer.kernel_v)
        for _ in range(rounds):
            if self.left_first:
                u = self._unit(tf.linalg.matvec(matrix, v))
                v = self._unit(tf.linalg.matvec(matrix, u, transpose_a=True))
            else:
                v = self._unit(tf.linalg.matvec(matrix, u, transpose_a=True))
                u = self._unit(tf.linalg.matvec(matrix, v))
        layer.kernel_u.assign(u)
        layer.kernel_v.assign(v)

    def kernel(self, layer: Any) -> tf.Tensor:
        """The weight over the stretch of the one vector by the matrix, along the other."""
        matrix = self._matrix(layer)
        u, v = tf.convert_to_tensor(layer.kernel_u), tf.convert_to_tensor(layer.kernel_v)
        return tf.convert_to_tensor(layer.kernel_original) / tf.tensordot(u, tf.linalg.matvec(matrix, v), 1)

    def _matrix(self, layer: Any) -> tf.Tensor:
        weight = tf.transpose(tf.convert_to_tensor(layer.kernel_original), self.order)
        return tf.reshape(weight, (weight.shape[0], -1))

    def _unit(self, vector: tf.Tensor) -> tf.Tensor:
        return vector / tf.maximum(tf.norm(vector), self.eps)


def _unit_vector(shape: Sequence[int], dtype: Any = None) -> tf.Tensor:
    return tf.linalg.l2_normalize(tf.cast(tf.random.normal(shape), dtype or "float32"))
