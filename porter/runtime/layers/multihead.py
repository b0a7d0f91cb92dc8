"""PyTorch's own attention layer."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.ops.common import dropout, shape_list


class MultiheadAttention(keras.layers.Layer):
    """`torch.nn.MultiheadAttention`; weights as PyTorch keeps them.

    Args:
        embed_dim: number of features.
        num_heads: number of heads.
        dropout: rate of dropped attention weights.
        bias: whether the projections have one.
        add_bias_kv: whether a learned key and value stand behind all others.
        add_zero_attn: whether a key and value of zeros stand behind all others.
        kdim: number of features of keys; `embed_dim` if None.
        vdim: number of features of values; `embed_dim` if None.
        batch_first: `(batch, positions, features)` instead of `(positions, batch, features)`.
        kwargs: Keras' own: name, dtype, trainable.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.embed_dim, self.num_heads, self.rate, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.head_dim = embed_dim // num_heads
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.bias, self.add_bias_kv, self.add_zero_attn = bias, add_bias_kv, add_zero_attn
        self.out_proj = keras.layers.Dense(embed_dim, use_bias=bias, name="out_proj")

    def build(self, input_shape: Any = None) -> None:
        """Add the weights: one matrix for queries, keys and values, or three where their sizes differ."""
        size = self.embed_dim
        self.in_proj_bias = self.bias_k = self.bias_v = None
        if self.kdim == size and self.vdim == size:
            self.in_proj_weight = self.add_weight(name="in_proj_weight", shape=(3 * size, size))
        else:
            self.in_proj_weight = None
            self.q_proj_weight = self.add_weight(name="q_proj_weight", shape=(size, size))
            self.k_proj_weight = self.add_weight(name="k_proj_weight", shape=(size, self.kdim))
            self.v_proj_weight = self.add_weight(name="v_proj_weight", shape=(size, self.vdim))
        if self.bias:
            self.in_proj_bias = self.add_weight(name="in_proj_bias", shape=(3 * size,), initializer="zeros")
        if self.add_bias_kv:
            self.bias_k = self.add_weight(name="bias_k", shape=(1, 1, size))
            self.bias_v = self.add_weight(name="bias_v", shape=(1, 1, size))
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
        """Attend. Masks are True, or -inf, where nothing may be seen; without a batch all sides have rank 2.

        Returns:
            The result in the layout of `query`, and the weights `(batch, queries, keys)`, None if not needed;
            `(batch, heads, queries, keys)` unless averaged.
        """
        del is_causal  # a hint: the mask says it as well
        batched = query.shape.rank == 3
        if not batched:
            query, key, value = (side[tf.newaxis] for side in (query, key, value))
            key_padding_mask = None if key_padding_mask is None else key_padding_mask[tf.newaxis]
        elif not self.batch_first:
            query, key, value = (tf.transpose(side, perm=[1, 0, 2]) for side in (query, key, value))
        queries, keys, values = self._projected(query, key, value)
        scores = tf.matmul(queries / math.sqrt(self.head_dim), keys, transpose_b=True)
        scores = self._masked(scores, attn_mask, key_padding_mask)
        weights = dropout(tf.nn.softmax(scores, axis=-1), self.rate, training=training)
        batch, _, length, _ = shape_list(queries)
        attended = tf.transpose(tf.matmul(weights, values), perm=[0, 2, 1, 3])
        output = self.out_proj(tf.reshape(attended, (batch, length, self.embed_dim)))
        weights = tf.reduce_mean(weights, axis=1) if average_attn_weights else weights
        if not batched:
            output, weights = output[0], weights[0]
        elif not self.batch_first:
            output = tf.transpose(output, perm=[1, 0, 2])
        return output, weights if need_weights else None

    def _masked(self, scores: Any, attn_mask: Any, key_padding_mask: Any) -> Any:
        """The scores with both masks, which say nothing of keys that the layer itself has added."""
        added = int(self.add_bias_kv) + int(self.add_zero_attn)
        if attn_mask is not None:
            mask = _additive(self._with_heads(attn_mask), scores.dtype)
            scores = scores + tf.pad(mask, [[0, 0]] * (mask.shape.rank - 1) + [[0, added]])
        if key_padding_mask is not None:
            mask = tf.pad(_additive(key_padding_mask, scores.dtype), [[0, 0], [0, added]])
            scores = scores + mask[:, tf.newaxis, tf.newaxis]
        return scores

    def _projected(self, query: Any, key: Any, value: Any) -> list[Any]:
        biases = tf.split(self.in_proj_bias, 3) if self.in_proj_bias is not None else [None] * 3
        if self.in_proj_weight is None:
            matrices = [self.q_proj_weight, self.k_proj_weight, self.v_proj_weight]
        else:
            matrices = tf.split(self.in_proj_weight, 3)
        projected = []
        for side, matrix, bias in zip((query, key, value), matrices, biases, strict=True):
            product = tf.matmul(side, matrix, transpose_b=True)
            projected.append(product if bias is None else product + bias)
        projected[1] = self._with_added(projected[1], self.bias_k)
        projected[2] = self._with_added(projected[2], self.bias_v)
        return [self._in_heads(side) for side in projected]

    def _with_added(self, side: Any, bias: Any) -> Any:
        """Keys or values, and behind them what the layer adds of its own."""
        batch = shape_list(side)[0]
        parts = [side]
        if bias is not None:
            parts.append(tf.tile(tf.cast(bias, side.dtype), (batch, 1, 1)))
        if self.add_zero_attn:
            parts.append(tf.zeros((batch, 1, self.embed_dim), side.dtype))
        return tf.concat(parts, axis=1) if len(parts) > 1 else side

    def _in_heads(self, side: Any) -> Any:
        batch, length, _ = shape_list(side)
        heads = tf.reshape(side, (batch, length, self.num_heads, self.head_dim))
        return tf.transpose(heads, perm=[0, 2, 1, 3])

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


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    num_heads: int,
    in_proj_weight: Any,
    in_proj_bias: Any,
    out_proj_weight: Any,
    out_proj_bias: Any,
    dropout_p: float = 0.0,
    training: bool | None = True,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    separate_weights: tuple[Any, Any, Any] | None = None,
    average_attn_weights: bool = True,
) -> tuple[Any, Any]:
    """`torch.nn.functional.multi_head_attention_forward`: attention with weights of one's own.

    Args:
        query: `(queries, batch, features)`.
        key: `(keys, batch, features)`, what is attended to.
        value: what is gathered there.
        num_heads: number of heads.
        in_proj_weight: `(3 * features, features)`; None where `separate_weights` are given.
        in_proj_bias: `(3 * features,)`, or None.
        out_proj_weight: `(outputs, features)`.
        out_proj_bias: `(outputs,)`, or None.
        dropout_p: rate of dropped attention weights in training.
        training: whether weights are dropped.
        key_padding_mask: `(batch, keys)`, True or -inf where nothing may be seen.
        need_weights: whether the attention weights are wanted.
        attn_mask: `(queries, keys)` or `(batch * heads, queries, keys)`, likewise.
        separate_weights: those of queries, keys and values.
        average_attn_weights: whether the weights are means over the heads.

    Returns:
        The result, `(queries, batch, outputs)`, and the attention weights or None.
    """
    matrices = tf.split(in_proj_weight, 3) if separate_weights is None else separate_weights
    biases = tf.split(in_proj_bias, 3) if in_proj_bias is not None else [0.0] * 3
    queries, keys, values = (
        _heads_first(tf.matmul(side, matrix, transpose_b=True) + bias, num_heads)
        for side, matrix, bias in zip((query, key, value), matrices, biases, strict=True)
    )
    scores = tf.matmul(queries / math.sqrt(queries.shape[-1]), keys, transpose_b=True)
    if attn_mask is not None:
        mask = _additive(attn_mask, scores.dtype)
        scores = scores + (tf.reshape(mask, shape_list(scores)) if mask.shape.rank == 3 else mask)
    if key_padding_mask is not None:
        scores = scores + _additive(key_padding_mask, scores.dtype)[:, tf.newaxis, tf.newaxis]
    weights = dropout(tf.nn.softmax(scores, axis=-1), dropout_p, training=training)
    attended = tf.transpose(tf.matmul(weights, values), perm=[2, 0, 1, 3])
    length, batch, heads, size = shape_list(attended)
    output = tf.matmul(tf.reshape(attended, (length, batch, heads * size)), out_proj_weight, transpose_b=True)
    output += 0.0 if out_proj_bias is None else out_proj_bias
    weights = tf.reduce_mean(weights, axis=1) if average_attn_weights else weights
    return output, weights if need_weights else None


def _heads_first(side: Any, heads: int) -> Any:
    """`(positions, batch, features)` as `(batch, heads, positions, features of a head)`."""
    length, batch, size = shape_list(side)
    return tf.transpose(tf.reshape(side, (length, batch, heads, size // heads)), perm=[1, 2, 0, 3])
