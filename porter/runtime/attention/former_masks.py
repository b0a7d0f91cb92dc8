"""Masks as models of transformers 4 made them: numbers to be added to attention scores.

The counterparts of `transformers.modeling_attn_mask_utils`. A place that may be looked at has 0, all others the lowest
number of the dtype.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.attention.mask_patterns import Sizes, causal, window_before
from porter.runtime.ops.common import shape_list


def prepare_4d_attention_mask(mask: Any, dtype: Any, tgt_len: Any = None) -> tf.Tensor:
    """What of a padded batch may be looked at, for every query alike.

    Args:
        mask: (batch, keys), 1 for tokens and 0 for padding.
        dtype: of the result.
        tgt_len: number of queries; as many as keys where it is not given.

    Returns:
        (batch, 1, queries, keys).
    """
    batch, keys = shape_list(mask)
    seen = tf.broadcast_to((mask == 1)[:, None, None], (batch, 1, keys if tgt_len is None else tgt_len, keys))
    return _added(seen, dtype)


def prepare_4d_causal_attention_mask(
    attention_mask: Any,
    input_shape: Sequence[Any],
    inputs_embeds: Any,
    past_key_values_length: Any = 0,
    sliding_window: int | None = None,
) -> tf.Tensor:
    """What a decoder may look at: nothing later, nothing padded, nothing that left the window.

    Args:
        attention_mask: None, (batch, keys), or (batch, 1, queries, keys), 1 where it may be looked.
        input_shape: (batch, queries).
        inputs_embeds: has the dtype of the result.
        past_key_values_length: number of keys that the cache holds.
        sliding_window: how many keys before a query it sees at most.

    Returns:
        (batch, 1, queries, keys). PyTorch gives None for a single query without a mask; this gives zeros.
    """
    if attention_mask is not None and attention_mask.shape.rank == 4:
        return _added(attention_mask == 1, inputs_embeds.dtype)
    batch, queries = input_shape[0], input_shape[-1]
    keys = queries + past_key_values_length
    places = Sizes(batch, queries, keys, past_key_values_length).indices()
    seen = causal(*places)
    if sliding_window is not None:
        seen &= window_before(sliding_window + 1)(*places)  # the query itself is not counted
    if attention_mask is not None:
        seen &= (attention_mask == 1)[:, None, None]
    return _added(tf.broadcast_to(seen, (batch, 1, queries, keys)), inputs_embeds.dtype)


def prepare_4d_causal_attention_mask_for_sdpa(
    attention_mask: Any,
    input_shape: Sequence[Any],
    inputs_embeds: Any,
    past_key_values_length: Any = 0,
    sliding_window: int | None = None,
) -> tf.Tensor:
    """As `prepare_4d_causal_attention_mask`, but a mask with four axes is taken as it is.

    PyTorch gives None where all is seen, so that its kernel masks by itself; this always gives the mask.
    """
    if attention_mask is not None and attention_mask.shape.rank == 4:
        return attention_mask
    return prepare_4d_causal_attention_mask(
        attention_mask, input_shape, inputs_embeds, past_key_values_length, sliding_window
    )


def _added(seen: Any, dtype: Any) -> tf.Tensor:
    lowest = tf.constant(tf.as_dtype(dtype).min, dtype)
    return tf.where(seen, tf.zeros((), dtype), lowest)
