"""Masks that models of transformers 4's years ask their base class for; remote code still does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.attention.mask_patterns import Sizes, causal
from porter.runtime.ops.common import shape_list


class MaskMethods:
    """The methods of a model that make a mask to be added to attention scores, or one for each layer's heads."""

    config: Any
    compute_dtype: Any

    def get_extended_attention_mask(
        self, attention_mask: tf.Tensor, input_shape: Sequence[Any], device: Any = None, dtype: Any = None
    ) -> tf.Tensor:
        """What may be looked at, as numbers to be added: 0 for it, the lowest number for the rest.

        Args:
            attention_mask: (batch, keys) or (batch, queries, keys), 1 for what may be looked at.
            input_shape: (batch, queries).
            device: is not used; PyTorch's models give it.
            dtype: of the result, the model's own without it.

        Returns:
            (batch, 1, 1 or queries, keys). A decoder sees nothing that comes later.
        """
        shared = attention_mask.shape.rank == 2
        seen = attention_mask[:, None, None] if shared else attention_mask[:, None]
        dtype = tf.as_dtype(dtype or self.compute_dtype)
        seen = tf.cast(seen, dtype)
        if shared and getattr(self.config, "is_decoder", False):
            queries, keys = input_shape[1], shape_list(attention_mask)[1]
            before = causal(*Sizes(input_shape[0], queries, keys, keys - queries).indices())
            seen *= tf.cast(before, dtype)
        return (1.0 - seen) * dtype.min

    def invert_attention_mask(self, encoder_attention_mask: tf.Tensor) -> tf.Tensor:
        """The same of an encoder's positions, (batch, keys) or (batch, queries, keys), which are all seen at once."""
        shared = encoder_attention_mask.shape.rank == 2
        seen = encoder_attention_mask[:, None, None] if shared else encoder_attention_mask[:, None]
        dtype = tf.as_dtype(self.compute_dtype)
        return (1.0 - tf.cast(seen, dtype)) * dtype.min

    def get_head_mask(
        self, head_mask: tf.Tensor | None, num_hidden_layers: int, is_attention_chunked: bool = False
    ) -> Any:
        """Which heads count in each layer.

        Args:
            head_mask: (heads,) or (layers, heads), 1 for heads that count; all do without it.
            num_hidden_layers: number of layers.
            is_attention_chunked: whether scores have one more axis.

        Returns:
            (layers, 1, heads, 1, 1), or a list of None.
        """
        if head_mask is None:
            return [None] * num_hidden_layers
        mask = head_mask
        if mask.shape.rank == 1:
            mask = tf.repeat(mask[None], num_hidden_layers, axis=0)
        mask = tf.cast(mask[:, None, :, None, None], self.compute_dtype)
        return tf.expand_dims(mask, -1) if is_attention_chunked else mask
