"""What one layer of a model remembers between steps.

Sizes are numbers where they are known and int64 scalars in graphs. Updating a cache puts new tensors into the object;
nothing is written in place.
"""

from __future__ import annotations

from typing import Any, ClassVar

import tensorflow as tf

from porter.runtime.ops.common import shape_list
from porter.runtime.port_errors import Unsupported, WrongValue


class CacheLayer:
    """Base of the layers with keys and values."""

    is_sliding = False
    is_compileable = False
    counters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **kwargs: Any) -> None:
        self.keys: Any = None
        self.values: Any = None
        self.is_initialized = False

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Remember new keys and values `(batch, heads, new, size)`; return those to attend to."""
        raise NotImplementedError

    def get_seq_length(self) -> Any:
        """How many positions have been seen."""
        raise NotImplementedError

    def get_mask_sizes(self, query_length: Any) -> tuple[Any, Any]:
        """`(number of keys, position of the first)` that `query_length` new queries will attend to."""
        raise NotImplementedError

    def get_max_length(self) -> int:
        """How many positions fit; -1 for any number."""
        return -1

    def reset(self) -> None:
        """Forget everything."""
        self.keys = self.values = None
        self.is_initialized = False

    def reorder_cache(self, beam_idx: Any) -> None:
        """Take the batch items `beam_idx`, in this order."""
        self.batch_select_indices(beam_idx)

    def batch_select_indices(self, indices: Any) -> None:
        """Keep only some items of the batch."""
        if self.is_initialized:
            self.keys, self.values = tf.gather(self.keys, indices), tf.gather(self.values, indices)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each item of the batch."""
        if self.is_initialized:
            self.keys, self.values = tf.repeat(self.keys, repeats, axis=0), tf.repeat(self.values, repeats, axis=0)


class DynamicLayer(CacheLayer):
    """Grows with every step; keys and values are `(batch, heads, seen, size)`."""

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """See the base class; all keys and values are returned."""
        self.keys, self.values = self._extended(key_states, value_states)
        self.is_initialized = True
        return self.keys, self.values

    def _extended(self, key_states: Any, value_states: Any) -> tuple[Any, Any]:
        if not self.is_initialized:
            return key_states, value_states
        return tf.concat([self.keys, key_states], axis=-2), tf.concat([self.values, value_states], axis=-2)

    def get_seq_length(self) -> Any:
        """How many positions are remembered."""
        return shape_list(self.keys)[-2] if self.is_initialized else 0

    def get_mask_sizes(self, query_length: Any) -> tuple[Any, Any]:
        """All positions from 0 on."""
        return self.get_seq_length() + query_length, 0

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last positions; their number is given as a negative one.

        Raises:
            WrongValue: the number is positive.
        """
        if tokens_to_remove > 0:
            raise WrongValue(f"Give the number of tokens to remove as a negative one, not {tokens_to_remove}.")
        if tokens_to_remove and self.is_initialized:
            self.keys = self.keys[..., :tokens_to_remove, :]
            self.values = self.values[..., :tokens_to_remove, :]


class DynamicSlidingWindowLayer(DynamicLayer):
    """Remembers the last `sliding_window - 1` positions."""

    is_sliding = True
    counters = ("cumulative_length",)

    def __init__(self, sliding_window: int, **kwargs: Any) -> None:
        super().__init__()
        self.sliding_window = sliding_window
        self.cumulative_length: Any = 0

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """See the base class; what was remembered and what is new is returned."""
        keys, values = self._extended(key_states, value_states)
        self.cumulative_length += shape_list(key_states)[-2]
        # A window of one remembers everything, as PyTorch's slice `[-0:]` does.
        start = -self.sliding_window + 1
        self.keys, self.values = keys[:, :, start:], values[:, :, start:]
        self.is_initialized = True
        return keys, values

    def get_seq_length(self) -> Any:
        """How many positions have been seen, remembered or not."""
        return self.cumulative_length

    def get_mask_sizes(self, query_length: Any) -> tuple[Any, Any]:
        """The window before the first new query, and the new ones."""
        kept = self.sliding_window - 1
        if isinstance(self.cumulative_length, int):
            return min(self.cumulative_length, kept) + query_length, max(self.cumulative_length - kept, 0)
        length = self.cumulative_length
        return tf.minimum(length, kept) + query_length, tf.maximum(length - kept, 0)

    def get_max_length(self) -> int:
        """The size of the window."""
        return self.sliding_window

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.cumulative_length = 0

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last positions, which works as long as nothing has left the window.

        Raises:
            WrongValue: the number is positive, or the window has moved on.
        """
        if not isinstance(self.cumulative_length, int) or self.cumulative_length >= self.sliding_window:
            raise WrongValue("What has left the sliding window is not remembered, so the cache cannot be cropped.")
        super().crop(tokens_to_remove)
        self.cumulative_length = self.cumulative_length + tokens_to_remove


class StaticLayer(CacheLayer):
    """Of fixed size, so that a graph of one step serves all; keys and values are `(batch, heads, max, size)`.

    With a sliding window the mask hides what has left it; all positions are kept.
    """

    is_compileable = True
    counters = ("cumulative_length",)

    def __init__(self, max_cache_len: int, sliding_window: int | None = None, **kwargs: Any) -> None:
        super().__init__()
        self.max_cache_len = max_cache_len
        self.is_sliding = sliding_window is not None
        self.cumulative_length: Any = 0

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """See the base class; all places are returned, those not yet filled hold zeros."""
        if not self.is_initialized:
            self.keys, self.values = self._empty(key_states), self._empty(value_states)
            self.is_initialized = True
        self.keys = self._written(self.keys, key_states)
        self.values = self._written(self.values, value_states)
        self.cumulative_length += shape_list(key_states)[-2]
        return self.keys, self.values

    def _empty(self, states: Any) -> Any:
        batch, heads, _, size = shape_list(states)
        return tf.zeros((batch, heads, self.max_cache_len, size), states.dtype)

    def _written(self, memory: Any, states: Any) -> Any:
        """`memory` with `states` from the current position on."""
        step = tf.range(self.max_cache_len, dtype=tf.int64) - tf.cast(self.cumulative_length, tf.int64)
        new = shape_list(states)[-2]
        # Every place either keeps what it has or takes its new state; places before and after gather any.
        placed = tf.gather(states, tf.clip_by_value(step, 0, tf.cast(new, tf.int64) - 1), axis=2)
        return tf.where(((step >= 0) & (step < new))[:, None], placed, memory)

    def get_seq_length(self) -> Any:
        """How many positions are filled."""
        return self.cumulative_length if self.is_initialized else 0

    def get_mask_sizes(self, query_length: Any) -> tuple[Any, Any]:
        """All places, filled or not."""
        return self.max_cache_len, 0

    def get_max_length(self) -> int:
        """The number of places."""
        return self.max_cache_len

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.cumulative_length = 0


class DummyLayer(CacheLayer):
    """For layers of a model that remember nothing, or share what another one remembers."""

    is_compileable = True

    def update(self, key_states: Any, value_states: Any, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Only None can be remembered.

        Raises:
            Unsupported: there is something to remember.
        """
        if key_states is None and value_states is None:
            return None, None
        raise Unsupported("This layer has no place for keys and values.")

    def get_seq_length(self) -> int:
        """Nothing."""
        return 0
