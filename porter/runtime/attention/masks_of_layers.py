"""The masks that a decoder's layers need, whichever kinds of attention its configuration names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from porter.runtime.attention.masks import (
    create_causal_mask,
    create_chunked_causal_mask,
    create_recurrent_attention_mask,
    create_sliding_window_causal_mask,
)

_Create = Callable[..., Any]

_ONE: Mapping[str, _Create] = MappingProxyType(
    {
        "full_attention": create_causal_mask,
        "sliding_attention": create_sliding_window_causal_mask,
        "chunked_attention": create_chunked_causal_mask,
        "compressed_sparse_attention": create_sliding_window_causal_mask,
        "heavily_compressed_attention": create_sliding_window_causal_mask,
        "minimax_m3_sparse": create_causal_mask,
        "indexed_attention": partial(create_causal_mask, allow_is_causal_skip=False),
        "linear_attention": create_recurrent_attention_mask,
        "conv": create_recurrent_attention_mask,
    }
)
_TWO: Mapping[str, Mapping[str, _Create]] = MappingProxyType(
    {
        "hybrid": {"full_attention": create_causal_mask, "linear_attention": create_recurrent_attention_mask},
        "hybrid_sliding": {
            "sliding_attention": create_causal_mask,
            "linear_attention": create_recurrent_attention_mask,
        },
    }
)
"""A layer's kind in `config.layer_types` -> what makes its mask, or each of the masks that it needs."""


def create_masks_for_generate(
    config: Any, inputs_embeds: Any, attention_mask: Any, past_key_values: Any, *further: Any, **named: Any
) -> Any:
    """The mask of all layers, or one for each kind of layer that the configuration names, by the kind.

    Args:
        config: the configuration; of a model with several parts that of its text decoder counts.
        inputs_embeds: as in `create_causal_mask`.
        attention_mask: as in `create_causal_mask`; handed back where a kind of layer is not known.
        past_key_values: the cache, if there is one.
        further: what follows in `create_causal_mask`: positions, patterns, blocks.
        named: the same by name; what they are not is not used.
    """
    decoder = config.get_text_config()
    names = ("position_ids", "or_mask_function", "and_mask_function", "block_sequence_ids")
    options = dict(zip(names, further, strict=False)) | {name: named[name] for name in names if name in named}
    given = partial(_made, decoder, inputs_embeds, attention_mask, past_key_values, options)
    if hasattr(decoder, "layer_types"):
        kinds = dict.fromkeys(decoder.layer_types)
        if any(kind not in _ONE and kind not in _TWO for kind in kinds):
            return attention_mask
        wanted = {name: create for kind in kinds for name, create in _TWO.get(kind, {}).items()}
        wanted |= {kind: _ONE[kind] for kind in kinds if kind in _ONE}
        return {kind: given(create) for kind, create in wanted.items()}
    if getattr(decoder, "sliding_window", None) is not None:
        return given(create_sliding_window_causal_mask)
    if getattr(decoder, "attention_chunk_size", None) is not None:
        return given(create_chunked_causal_mask)
    return given(create_causal_mask)


def _made(
    config: Any, inputs_embeds: Any, attention_mask: Any, cache: Any, options: Mapping[str, Any], create: _Create
) -> Any:
    return create(config, inputs_embeds, attention_mask, past_key_values=cache, **options)
