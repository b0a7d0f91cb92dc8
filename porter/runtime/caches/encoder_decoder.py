"""The memory of a decoder that looks at an encoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from porter.runtime.caches.cache import Cache, DynamicCache, TracedCache
from porter.runtime.caches.former_methods import FormerMethods


class EncoderDecoderCache(FormerMethods, TracedCache):
    """A cache of the decoder's own keys and values, and one of the encoder's, which is filled once.

    Args:
        caches: both caches, or one iterable of `(keys, values, encoder keys, encoder values)` of each layer.

    Attributes:
        self_attention_cache: the first.
        cross_attention_cache: the second.
        is_updated: layer -> whether the encoder's keys and values are there.
    """

    def __init__(self, *caches: Any) -> None:
        if len(caches) == 1:
            data = [tuple(layer) for layer in caches[0]]
            caches = DynamicCache([layer[:2] for layer in data]), DynamicCache([layer[2:] for layer in data])
        if len(caches) != 2 or not all(isinstance(cache, Cache) for cache in caches):
            raise TypeError(f"An encoder-decoder cache is made of two caches, not of {caches!r}.")
        self.self_attention_cache: Cache = caches[0]
        self.cross_attention_cache: Cache = caches[1]
        self.is_updated = {
            index: bool(layer.is_initialized) for index, layer in enumerate(self.cross_attention_cache.layers)
        }

    def __len__(self) -> int:
        return len(self.self_attention_cache)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        pairs = zip(self.self_attention_cache, self.cross_attention_cache, strict=False)
        return iter([(*own, *crossed) for own, crossed in pairs])

    def get_seq_length(self, layer_idx: int = 0) -> Any:
        """How many positions of its own a layer has seen."""
        return self.self_attention_cache.get_seq_length(layer_idx)

    def get_query_offset(self, layer_idx: int = 0) -> Any:
        """The position of the next query."""
        return self.get_seq_length(layer_idx)

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """How many positions of its own fit; -1 for any number."""
        return self.self_attention_cache.get_max_length(layer_idx)

    def get_mask_sizes(self, query_length: Any, layer_idx: int) -> tuple[Any, Any]:
        """`(number of keys, position of the first)` of its own that new queries will attend to."""
        return self.self_attention_cache.get_mask_sizes(query_length, layer_idx)

    def reset(self) -> None:
        """Forget everything."""
        self.self_attention_cache.reset()
        self.cross_attention_cache.reset()
        self.is_updated = dict.fromkeys(self.is_updated, False)

    def reorder_cache(self, beam_idx: Any) -> None:
        """Take the batch items `beam_idx`, in this order."""
        self.self_attention_cache.reorder_cache(beam_idx)
        self.cross_attention_cache.reorder_cache(beam_idx)

    def batch_select_indices(self, indices: Any) -> None:
        """Keep only some items of the batch."""
        self.reorder_cache(indices)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each item of the batch."""
        self.self_attention_cache.batch_repeat_interleave(repeats)
        self.cross_attention_cache.batch_repeat_interleave(repeats)

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last positions of its own."""
        self.self_attention_cache.crop(tokens_to_remove)

    @property
    def is_compileable(self) -> bool:
        """Whether a graph of one step serves all."""
        return self.self_attention_cache.is_compileable

    @property
    def is_sliding(self) -> list[bool]:
        """Which layers have a sliding window."""
        return self.self_attention_cache.is_sliding

    @property
    def is_linear(self) -> list[bool]:
        """Which layers have no attention."""
        return self.self_attention_cache.is_linear

    @property
    def is_dummy(self) -> list[bool]:
        """Which layers remember nothing."""
        return self.self_attention_cache.is_dummy
