"""Attention masks with the arguments of `transformers.masking_utils`, as its eager attention uses them.

A mask is a float tensor `(batch, 1, queries, keys)` in the type of the embeddings: 0 where a query may look, the
type's lowest number where it may not. It is None where PyTorch's is None because nothing is masked; while a graph is
traced the values of a padding mask are unknown, so there it is a mask of zeros instead.

Patterns are functions of four broadcastable int64 tensors (batch, head, query position, key position) that say where
to look; `or_mask_function` and `and_mask_function` are such functions too.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from porter.runtime.attention.mask_patterns import (
    Pattern,
    Sizes,
    causal,
    chunk,
    combined,
    everywhere,
    mask,
    packed,
    same_block,
    window_around,
    window_before,
)
from porter.runtime.ops.common import shape_list
from porter.runtime.port_errors import WrongValue


def _is_ready(attention_mask: Any) -> bool:
    return attention_mask is not None and attention_mask.shape.rank == 4


def _added(attention_mask: Any, inputs_embeds: Any) -> Any:
    """A ready mask as eager attention adds it to the scores; a bool one counts as 1 and 0 there, as in PyTorch."""
    return tf.cast(attention_mask, inputs_embeds.dtype) if attention_mask.dtype == tf.bool else attention_mask


def _as_bool(attention_mask: Any) -> Any:
    return None if attention_mask is None else tf.cast(attention_mask, tf.bool)


def _sizes(inputs_embeds: Any, attention_mask: Any, cache: Any, layer_idx: int, encoder_hidden_states: Any) -> Sizes:
    batch, queries = shape_list(inputs_embeds)[:2]
    if cache is not None:
        keys, offset = cache.get_mask_sizes(queries, layer_idx)
        return Sizes(batch, queries, keys, cache.get_query_offset(layer_idx), offset)
    if attention_mask is not None:
        return Sizes(batch, queries, shape_list(attention_mask)[-1])
    keys = queries if encoder_hidden_states is None else shape_list(encoder_hidden_states)[1]
    return Sizes(batch, queries, keys)


def _sequence_ids(position_ids: Any) -> Any:
    """Which sequence each position belongs to; None when it is known that each row is one sequence."""
    steps = position_ids[:, 1:] - position_ids[:, :-1]
    breaks = tf.pad(tf.cast(steps != 1, tf.int64), [[0, 0], [1, 0]])
    sequence_ids = tf.cumsum(breaks, axis=-1)
    return None if tf.get_static_value(tf.reduce_any(sequence_ids[:, -1] != 0)) == False else sequence_ids  # noqa: E712


def _first_layer(cache: Any, *, sliding: bool) -> int:
    """The first layer of a cache that the mask is for."""
    if cache is None:
        return 0
    if sliding:
        return cache.is_sliding.index(True) if True in cache.is_sliding else 0
    kinds = zip(cache.is_sliding, cache.is_linear, cache.is_dummy, strict=True)
    full = [not any(kind) for kind in kinds]
    return full.index(True) if True in full else 0


@dataclass(frozen=True)
class _Request:
    """The arguments that all causal masks have; `create_causal_mask` says what they mean."""

    config: Any
    inputs_embeds: Any
    attention_mask: Any
    past_key_values: Any = None
    position_ids: Any = None
    or_mask_function: Pattern | None = None
    and_mask_function: Pattern | None = None
    block_sequence_ids: Any = None
    layer_idx: int | None = None
    allow_is_causal_skip: bool = True
    cache_position: Any = None

    @property
    def is_causal(self) -> bool:
        return getattr(self.config, "is_causal", True)

    def answer(self, pattern: Pattern, *, sliding: bool) -> Any:
        """The mask of a pattern; `sliding` says which layers of the cache tell its sizes."""
        padding = _as_bool(self.attention_mask)
        layer = _first_layer(self.past_key_values, sliding=sliding) if self.layer_idx is None else self.layer_idx
        sizes = _sizes(self.inputs_embeds, padding, self.past_key_values, layer, None)
        sizes = replace(sizes, query_positions=self.cache_position)
        pattern = combined(pattern, self.or_mask_function, self.and_mask_function)
        if self.position_ids is not None and padding is None and self.past_key_values is None:
            position_ids = tf.broadcast_to(tf.cast(self.position_ids, tf.int64), (sizes.batch, sizes.queries))
            sequence_ids = _sequence_ids(position_ids)
            if sequence_ids is not None:
                pattern = packed(pattern, position_ids, sequence_ids)
        if self.block_sequence_ids is not None:
            missing = tf.maximum(sizes.keys + sizes.key_offset - shape_list(self.block_sequence_ids)[1], 0)
            blocks = tf.pad(self.block_sequence_ids, [[0, 0], [0, missing]], constant_values=-1)
            pattern = combined(pattern, same_block(blocks), None)
        return mask(pattern, sizes, padding, self.inputs_embeds.dtype)

    def in_both_directions(self, create: Callable[..., Any]) -> Any:
        """The mask of a model that is not causal, made by one of the bidirectional functions."""
        return create(
            self.config,
            self.inputs_embeds,
            self.attention_mask,
            past_key_values=self.past_key_values,
            or_mask_function=self.or_mask_function,
            and_mask_function=self.and_mask_function,
            allow_is_bidirectional_skip=self.allow_is_causal_skip,
        )


def _called_as_before_5(create: Callable[..., Any]) -> Callable[..., Any]:
    """Take `input_embeds` too, as transformers 4 calls what 5 calls `inputs_embeds`."""

    @functools.wraps(create)
    def wrapper(*args: Any, **named: Any) -> Any:
        if "input_embeds" in named:
            named["inputs_embeds"] = named.pop("input_embeds")
        return create(*args, **named)

    return wrapper


@_called_as_before_5
def create_causal_mask(config: Any, inputs_embeds: Any, attention_mask: Any, *further: Any, **named: Any) -> Any:
    """A query looks at itself and what is before it; everywhere if `config.is_causal` is False.

    Args:
        config: the configuration.
        inputs_embeds: `(batch, queries, hidden)`, for its sizes and type.
        attention_mask: `(batch, keys)`, 1 where there is something to see; a ready mask of four axes is returned.
        further: the arguments below, in this order.
        named: the arguments below, by name.
        past_key_values: the cache, if there is one.
        position_ids: `(batch, queries)`; where they do not count on, another sequence begins (only without mask and
            cache).
        or_mask_function: a pattern of further places to look at.
        and_mask_function: a pattern of the only places to look at.
        block_sequence_ids: `(batch, keys)`, blocks inside which everything looks at everything; -1 is not a block.
        layer_idx: the layer of the cache whose sizes count; by default the first with full attention.
        allow_is_causal_skip: without meaning for causal masks of eager attention.
        cache_position: `(queries,)`, where the queries lie, as files of transformers 4 say; by default behind what the
            cache holds.
    """
    request = _Request(config, inputs_embeds, attention_mask, *further, **named)
    if _is_ready(attention_mask):
        return _added(attention_mask, inputs_embeds)
    if not request.is_causal:
        return request.in_both_directions(create_bidirectional_mask)
    return request.answer(causal, sliding=False)


@_called_as_before_5
def create_sliding_window_causal_mask(
    config: Any, inputs_embeds: Any, attention_mask: Any, *further: Any, **named: Any
) -> Any:
    """A query looks at itself and the `config.sliding_window - 1` before it. Arguments as in `create_causal_mask`.

    Raises:
        WrongValue: the configuration has no sliding window.
    """
    request = _Request(config, inputs_embeds, attention_mask, *further, **named)
    if _is_ready(attention_mask):
        return _added(attention_mask, inputs_embeds)
    if not request.is_causal:
        return request.in_both_directions(create_bidirectional_sliding_window_mask)
    return request.answer(window_before(_size(config, "sliding_window")), sliding=True)


@_called_as_before_5
def create_chunked_causal_mask(
    config: Any, inputs_embeds: Any, attention_mask: Any, *further: Any, **named: Any
) -> Any:
    """A query looks at itself and what is before it in its chunk of `config.attention_chunk_size`.

    Chunks are counted from the first token that is not padding. Arguments as in `create_causal_mask`.

    Raises:
        WrongValue: the configuration has no chunk size.
    """
    request = _Request(config, inputs_embeds, attention_mask, *further, **named)
    if _is_ready(attention_mask):
        return _added(attention_mask, inputs_embeds)
    size = _size(config, "attention_chunk_size")
    if attention_mask is None:
        left_padding = tf.zeros((shape_list(inputs_embeds)[0],), tf.int64)
    else:
        seen = tf.cumsum(tf.cast(_as_bool(attention_mask), tf.int64), axis=-1)
        left_padding = tf.reduce_sum(tf.cast(seen == 0, tf.int64), axis=-1)
    return request.answer(chunk(size, left_padding), sliding=True)


@_called_as_before_5
def create_bidirectional_mask(
    config: Any,
    inputs_embeds: Any,
    attention_mask: Any,
    encoder_hidden_states: Any = None,
    past_key_values: Any = None,
    or_mask_function: Pattern | None = None,
    and_mask_function: Pattern | None = None,
    allow_is_bidirectional_skip: bool = True,
    **kwargs: Any,
) -> Any:
    """A query looks everywhere but at padding; None when there is no padding.

    `encoder_hidden_states` `(batch, keys, hidden)` are what is looked at, in cross-attention. Other arguments as in
    `create_causal_mask`; `allow_is_bidirectional_skip=False` always gives a mask.
    """
    if _is_ready(attention_mask):
        return _added(attention_mask, inputs_embeds)
    custom = or_mask_function is not None or and_mask_function is not None
    if allow_is_bidirectional_skip and not custom and _sees_all(attention_mask):
        return None
    layer_idx = _first_layer(past_key_values, sliding=False)
    padding = _as_bool(attention_mask)
    sizes = _sizes(inputs_embeds, padding, past_key_values, layer_idx, encoder_hidden_states)
    pattern = combined(everywhere, or_mask_function, and_mask_function)
    like = inputs_embeds if encoder_hidden_states is None else encoder_hidden_states
    return mask(pattern, replace(sizes, batch=shape_list(like)[0]), padding, like.dtype)


@_called_as_before_5
def create_bidirectional_sliding_window_mask(
    config: Any,
    inputs_embeds: Any,
    attention_mask: Any,
    encoder_hidden_states: Any = None,
    past_key_values: Any = None,
    or_mask_function: Pattern | None = None,
    and_mask_function: Pattern | None = None,
    allow_is_bidirectional_skip: bool = True,
    **kwargs: Any,
) -> Any:
    """A query looks at most `config.sliding_window` away; None when that and the padding hide nothing.

    Arguments as in `create_bidirectional_mask`.

    Raises:
        WrongValue: the configuration has no sliding window.
    """
    if _is_ready(attention_mask):
        return _added(attention_mask, inputs_embeds)
    window = _size(config, "sliding_window")
    padding = _as_bool(attention_mask)
    layer_idx = _first_layer(past_key_values, sliding=True)
    sizes = _sizes(inputs_embeds, padding, past_key_values, layer_idx, encoder_hidden_states)
    custom = or_mask_function is not None or and_mask_function is not None
    short = isinstance(sizes.keys, int) and sizes.keys < window
    if allow_is_bidirectional_skip and not custom and short and _sees_all(attention_mask):
        return None
    pattern = combined(window_around(window), or_mask_function, and_mask_function)
    like = inputs_embeds if encoder_hidden_states is None else encoder_hidden_states
    return mask(pattern, replace(sizes, batch=shape_list(like)[0]), padding, like.dtype)


@_called_as_before_5
def create_recurrent_attention_mask(
    config: Any, inputs_embeds: Any, attention_mask: Any, past_key_values: Any = None, **kwargs: Any
) -> Any:
    """The padding mask of the current tokens `(batch, queries)` for layers without attention; None without padding.

    A single token is never padding.
    """
    if attention_mask is None or attention_mask.shape.rank != 2:
        return None
    queries = shape_list(inputs_embeds)[1]
    if (isinstance(queries, int) and queries == 1) or _sees_all(attention_mask):
        return None
    return attention_mask[:, -queries:]


def _sees_all(attention_mask: Any) -> bool:
    """Whether it is known that nothing is padding."""
    return attention_mask is None or bool(tf.get_static_value(tf.reduce_all(_as_bool(attention_mask))))


def _size(config: Any, name: str) -> int:
    size = getattr(config, name, None)
    if size is None:
        raise WrongValue(f"The configuration has no {name}.")
    return int(size)
