"""PyTorch's own attention layer."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.ops.common import dropout, shape_list


class MultiheadAttention(keras.layers.Layer):
    """`torch.nn.MultiheadAttention` with keys and values of the same size as queries; weights as PyTorch keeps them.

    Args:
        embed_dim: number of features.
        num_heads: number of heads.
        dropout: rate of dropped attention weights.
        bias: whether the projections have one.
        batch_first: `(batch, positions, features)` instead of `(positions, batch, features)`.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        batch_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.embed_dim, self.num_heads, self.rate, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.bias = bias
        self.out_proj = keras.layers.Dense(embed_dim, use_bias=bias, name="out_proj")

    def build(self, input_shape: Any = None) -> None:
        """Add the weights: one matrix for queries, keys and values, rows in this order."""
        size = self.embed_dim
        self.in_proj_weight = self.add_weight(name="in_proj_weight", shape=(3 * size, size))
        self.in_proj_bias = None
        if self.bias:
            self.in_proj_bias = self.add_weight(name="in_proj_bias", shape=(3 * size,), initializer="zeros")
        self.out_proj.build((None, None, size))

    def call(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        training: bool | None = False,
    ) -> tuple[Any, Any]:
        """Attend. Masks are True, or -inf, where nothing may be seen.

        Returns:
            The result in the layout of `query`, and the weights `(batch, queries, keys)`, None if not needed;
            `(batch, heads, queries, keys)` unless averaged.
        """
        del is_causal  # a hint: the mask says it as well
        if not self.batch_first:
            query, key, value = (tf.transpose(side, perm=[1, 0, 2]) for side in (query, key, value))
        queries, keys, values = self._projected(query, key, value)
        scores = tf.matmul(queries / math.sqrt(self.embed_dim // self.num_heads), keys, transpose_b=True)
        if attn_mask is not None:
            scores = scores + _additive(self._with_heads(attn_mask), scores.dtype)
        if key_padding_mask is not None:
            scores = scores + _additive(key_padding_mask, scores.dtype)[:, tf.newaxis, tf.newaxis]
        weights = dropout(tf.nn.softmax(scores, axis=-1), self.rate, training=training)
        batch, _, length, _ = shape_list(queries)
        attended = tf.transpose(tf.matmul(weights, values), perm=[0, 2, 1, 3])
        merged = tf.reshape(attended, (batch, length, self.embed_dim))
        output = self.out_proj(merged)
        output = output if self.batch_first else tf.transpose(output, perm=[1, 0, 2])
        if not need_weights:
            return output, None
        return output, tf.reduce_mean(weights, axis=1) if average_attn_weights else weights

    def _projected(self, query: Any, key: Any, value: Any) -> list[Any]:
        biases = tf.split(self.in_proj_bias, 3) if self.in_proj_bias is not None else [None] * 3
        found = []
        for side, matrix, bias in zip((query, key, value), tf.split(self.in_proj_weight, 3), biases, strict=True):
            projected = tf.matmul(side, matrix, transpose_b=True)
            projected = projected if bias is None else projected + bias
            batch, length, _ = shape_list(projected)
            heads = tf.reshape(projected, (batch, length, self.num_heads, self.embed_dim // self.num_heads))
            found.append(tf.transpose(heads, perm=[0, 2, 1, 3]))
        return found

    def _with_heads(self, mask: Any) -> Any:
        """A mask `(batch * heads, queries, keys)` gets an axis of heads."""
        if mask.shape.rank != 3:
            return mask
        sizes = shape_list(mask)
        return tf.reshape(mask, (sizes[0] // self.num_heads, self.num_heads, sizes[1], sizes[2]))


def _additive(mask: Any, dtype: Any) -> Any:
    """-inf where a boolean mask is True; other masks are added as they are."""
    if mask.dtype != tf.bool:
        return tf.cast(mask, dtype)
    return tf.where(mask, tf.constant(-math.inf, dtype), tf.constant(0.0, dtype))
