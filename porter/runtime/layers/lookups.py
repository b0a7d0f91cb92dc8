"""Layers that look rows up or multiply two inputs: embeddings, bags of them, bilinear forms."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class Embedding(keras.layers.Embedding):
    """`torch.nn.Embedding` with a row for padding, which is zero in a fresh model and has no gradient.

    Args:
        input_dim: number of rows.
        output_dim: features.
        padding_idx: the row for padding, from the end if negative; None for none.
        kwargs: Keras' own.
    """

    def __init__(self, input_dim: int, output_dim: int, padding_idx: int | None = None, **kwargs: Any) -> None:
        super().__init__(input_dim, output_dim, **kwargs)
        self.padding_idx = padding_idx

    def call(self, inputs: Any) -> Any:
        """Look up the rows of ids."""
        rows = super().call(inputs)
        if self.padding_idx is None:
            return rows
        is_padding = tf.equal(inputs, self.padding_idx % self.input_dim)
        return tf.where(is_padding[..., tf.newaxis], tf.stop_gradient(rows), rows)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "padding_idx": self.padding_idx}


class EmbeddingBag(keras.layers.Embedding):
    """`torch.nn.EmbeddingBag` of bags of one length: ids `(batch, length)` give `(batch, features)`.

    Args:
        num_embeddings: number of rows.
        embedding_dim: features.
        mode: `"sum"`, `"mean"` or `"max"` over the bag.
        padding_idx: an id that does not count.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        mode: str = "mean",
        padding_idx: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, **kwargs)
        self.mode, self.padding_idx = mode, padding_idx

    def call(self, inputs: Any, offsets: Any = None, per_sample_weights: Any = None) -> Any:
        """Look up and reduce.

        Args:
            inputs: ids `(batch, length)`, or `(all ids,)` with `offsets`.
            offsets: where each bag begins in ids of one axis.
            per_sample_weights: a factor for each id; of mode `"sum"` only.
        """
        rows = tf.gather(tf.convert_to_tensor(self.embeddings), inputs)
        counts = tf.ones_like(inputs, dtype=rows.dtype)
        if self.padding_idx is not None:
            counts = tf.cast(inputs != self.padding_idx, rows.dtype)
        if per_sample_weights is not None:
            counts *= per_sample_weights
        if offsets is None:
            return self._reduced(rows, counts[..., None])
        bags = tf.ragged.range(offsets, tf.concat([offsets[1:], tf.shape(inputs, offsets.dtype)[:1]], 0))
        dense, held = bags.to_tensor(), tf.ones_like(bags).to_tensor()
        weighed = tf.gather(counts, dense) * tf.cast(held, rows.dtype)
        return self._reduced(tf.gather(rows, dense), weighed[..., None])

    def _reduced(self, rows: Any, counts: Any) -> Any:
        if self.mode == "max":
            greatest = tf.reduce_max(tf.where(counts > 0, rows, rows.dtype.min), axis=1)
            return tf.where(tf.reduce_any(counts > 0, axis=1), greatest, 0.0)
        total = tf.reduce_sum(rows * counts, axis=1)
        return total if self.mode == "sum" else total / tf.maximum(tf.reduce_sum(counts, axis=1), 1.0)


class Bilinear(keras.layers.Layer):
    """`torch.nn.Bilinear`: `x1 W x2 + b` for each output feature.

    Args:
        in1_features: features of the first input.
        in2_features: features of the second.
        out_features: of the result.
        bias: whether one is added.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.shape_of_weight = (out_features, in1_features, in2_features)
        self.use_bias = bias
        self.bias: Any = None

    def build(self, input_shape: Any = None) -> None:
        """Add the weights, drawn as PyTorch draws them."""
        bound = self.shape_of_weight[1] ** -0.5
        start = keras.initializers.RandomUniform(-bound, bound)
        self.weight = self.add_weight(name="weight", shape=self.shape_of_weight, initializer=start)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=self.shape_of_weight[:1], initializer=start)

    def call(self, input1: Any, input2: Any) -> Any:
        """Multiply."""
        return bilinear(input1, input2, tf.convert_to_tensor(self.weight), self.bias)


def bilinear(input1: Any, input2: Any, weight: Any, bias: Any = None) -> Any:
    """`torch.nn.functional.bilinear` with a weight `(out, in1, in2)`."""
    product = tf.einsum("...i,oij,...j->...o", input1, weight, input2)
    return product if bias is None else product + bias


class RReLU(keras.layers.Layer):
    """`torch.nn.RReLU`: a slope that is drawn while training, and its mean elsewhere.

    Args:
        lower: the smallest slope of negative values.
        upper: the greatest.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.lower, self.upper = lower, upper

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Positive values as they are, negative ones times their slope."""
        return rrelu(inputs, self.lower, self.upper, training)


def rrelu(inputs: Any, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Any:
    """`torch.nn.functional.rrelu`."""
    mean = (lower + upper) / 2
    slopes = tf.random.uniform(tf.shape(inputs), lower, upper, inputs.dtype) if training else mean
    return tf.where(inputs < 0, inputs * slopes, inputs)
