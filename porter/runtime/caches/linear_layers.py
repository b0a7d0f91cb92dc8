"""What layers with convolutions and recurrences remember between steps."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from porter.runtime.caches.cache_layers import CacheLayer, DynamicLayer, DynamicSlidingWindowLayer, StaticLayer
from porter.runtime.ops.common import shape_list


class LinearAttentionLayer(CacheLayer):
    """The last inputs of causal convolutions and the states of recurrences, several of each.

    Attributes:
        conv_states: index -> `(batch, channels, kernel size)`.
        recurrent_states: index -> tensor.
        has_previous_state: index -> whether a step has been made.
    """

    is_compileable = True

    def __init__(self, number_of_states: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number_of_states = number_of_states
        self.conv_states: dict[int, Any] = dict.fromkeys(range(number_of_states))
        self.recurrent_states: dict[int, Any] = dict.fromkeys(range(number_of_states))
        self.has_previous_state: dict[int, bool] = dict.fromkeys(range(number_of_states), False)
        self.conv_kernel_size: dict[int, Any] = dict.fromkeys(range(number_of_states))

    def update_conv_state(
        self, conv_states: Any, state_idx: int = 0, conv_kernel_size: int | None = None, **kwargs: Any
    ) -> Any:
        """Remember the last inputs of a convolution; return them after those remembered before, zeros before a start.

        Args:
            conv_states: `(batch, channels, new)`.
            state_idx: which convolution.
            conv_kernel_size: how many to remember; by default as many as come first.
        """
        if self.conv_kernel_size[state_idx] is None:
            self.conv_kernel_size[state_idx] = conv_kernel_size or shape_list(conv_states)[-1]
        kept = self.conv_kernel_size[state_idx]
        if self.has_previous_state[state_idx]:
            states = tf.concat([self.conv_states[state_idx], conv_states], axis=-1)
        else:
            missing = tf.maximum(kept - shape_list(conv_states)[-1], 0)
            states = tf.pad(conv_states, [[0, 0]] * (conv_states.shape.rank - 1) + [[missing, 0]])
            self.has_previous_state[state_idx] = True
        self.conv_states[state_idx] = states[..., -kept:]
        return states

    def update_recurrent_state(self, recurrent_states: Any, state_idx: int = 0, **kwargs: Any) -> Any:
        """Remember the state of a recurrence."""
        self.recurrent_states[state_idx] = recurrent_states
        return recurrent_states

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        LinearAttentionLayer.__init__(self, self.number_of_states, **self._options())

    def _options(self) -> dict[str, Any]:
        """What else the constructor needs."""
        return {}

    def batch_select_indices(self, indices: Any) -> None:
        """Keep only some items of the batch."""
        super().batch_select_indices(indices)
        for states in (self.conv_states, self.recurrent_states):
            for index, state in states.items():
                states[index] = None if state is None else tf.gather(state, indices)


class LinearAttentionAndFullAttentionLayer(LinearAttentionLayer, DynamicLayer):
    """Both kinds of memory, keys and values growing."""

    is_compileable = False


class LinearAttentionAndSlidingWindowAttentionLayer(LinearAttentionLayer, DynamicSlidingWindowLayer):
    """Both kinds of memory, keys and values of a window."""

    is_compileable = False

    def _options(self) -> dict[str, Any]:
        return {"sliding_window": self.sliding_window}


class LinearAttentionAndStaticFullAttentionLayer(LinearAttentionLayer, StaticLayer):
    """Both kinds of memory, keys and values of fixed size."""

    def _options(self) -> dict[str, Any]:
        return {"max_cache_len": self.max_cache_len}
