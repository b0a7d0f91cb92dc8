"""What layers with sparse attention remember between steps: beside keys and values, the keys they choose by."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from porter.runtime.caches.cache_layers import CacheLayer, DynamicLayer
from porter.runtime.port_errors import WrongValue


class IndexedLayer(DynamicLayer):
    """Grows with every step.

    Attributes:
        indexer_keys: `(batch, seen, index size)`; None before the first step.
        indexer_position_ids: `(dimensions, batch, seen)`, kept by models that need them.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.indexer_keys: Any = None
        self.indexer_position_ids: Any = None

    def update_indexer(self, indexer_key_states: Any) -> Any:
        """Remember new keys `(batch, new, index size)`; return all."""
        known = self.indexer_keys
        self.indexer_keys = indexer_key_states if known is None else tf.concat([known, indexer_key_states], axis=1)
        return self.indexer_keys

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last positions."""
        super().crop(tokens_to_remove)
        if tokens_to_remove and self.indexer_keys is not None:
            self.indexer_keys = self.indexer_keys[:, :tokens_to_remove]
        if tokens_to_remove and self.indexer_position_ids is not None:
            self.indexer_position_ids = self.indexer_position_ids[..., :tokens_to_remove]

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.indexer_keys = self.indexer_position_ids = None

    def batch_select_indices(self, indices: Any) -> None:
        """Keep only some items of the batch."""
        super().batch_select_indices(indices)
        if self.indexer_keys is not None:
            self.indexer_keys = tf.gather(self.indexer_keys, indices)
        if self.indexer_position_ids is not None:
            self.indexer_position_ids = tf.gather(self.indexer_position_ids, indices, axis=1)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each item of the batch."""
        super().batch_repeat_interleave(repeats)
        if self.indexer_keys is not None:
            self.indexer_keys = tf.repeat(self.indexer_keys, repeats, axis=0)
        if self.indexer_position_ids is not None:
            self.indexer_position_ids = tf.repeat(self.indexer_position_ids, repeats, axis=1)


def indexed(layer: CacheLayer, layer_idx: int) -> IndexedLayer:
    """The layer, if it chooses what to attend to.

    Raises:
        WrongValue: it does not.
    """
    if not isinstance(layer, IndexedLayer):
        raise WrongValue(f"Layer {layer_idx} of the cache is a {type(layer).__name__}, not one with an index.")
    return layer
