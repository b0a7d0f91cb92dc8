"""Patterns of attention: where a query may look, and masks made from that.

A pattern is a function of four broadcastable int64 tensors (batch, head, query position, key position) that says where
to look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import shape_list

Pattern = Callable[[Any, Any, Any, Any], Any]


@dataclass(frozen=True)
class Sizes:
    """Where the queries and keys of a mask lie: numbers, or int64 scalars while a graph is traced.

    `query_positions` `(queries,)` say it one by one; without them the queries stand in a row from `query_offset` on.
    """

    batch: Any
    queries: Any
    keys: Any
    query_offset: Any = 0
    key_offset: Any = 0
    query_positions: Any = None

    def indices(self) -> tuple[Any, Any, Any, Any]:
        """Batch, head, query and key indices, each along its own axis of a four-dimensional mask."""
        in_a_row = tf.range(self.queries, dtype=tf.int64) + tf.cast(self.query_offset, tf.int64)
        queries = in_a_row if self.query_positions is None else tf.cast(self.query_positions, tf.int64)
        keys = tf.range(self.keys, dtype=tf.int64) + tf.cast(self.key_offset, tf.int64)
        batch = tf.range(self.batch, dtype=tf.int64)
        return (
            batch[:, None, None, None],
            tf.zeros((1, 1, 1, 1), tf.int64),
            queries[None, None, :, None],
            keys[None, None, None],
        )


def causal(batch: Any, head: Any, query: Any, key: Any) -> Any:
    """What is not later than the query."""
    return key <= query


def everywhere(batch: Any, head: Any, query: Any, key: Any) -> Any:
    """Everything."""
    return query >= 0


def window_before(size: int) -> Pattern:
    """The query itself and the `size - 1` before it."""
    return lambda batch, head, query, key: (key <= query) & (key > query - size)


def window_around(size: int) -> Pattern:
    """At most `size` away."""
    return lambda batch, head, query, key: tf.abs(query - key) <= size


def chunk(size: int, left_padding: Any) -> Pattern:
    """What is not later and in the same chunk; chunks begin after the left padding `(batch,)`."""

    def pattern(batch: Any, head: Any, query: Any, key: Any) -> Any:
        start = tf.gather(left_padding, batch)
        return ((key - start) // size == (query - start) // size) & (key <= query)

    return pattern


def same_block(block_ids: Any) -> Pattern:
    """What has the same block number `(batch, length)` as the query; -1 is not a block."""

    def pattern(batch: Any, head: Any, query: Any, key: Any) -> Any:
        queries = _at(block_ids, batch, query)
        return (queries == _at(block_ids, batch, key)) & (queries >= 0)

    return pattern


def packed(pattern: Pattern, position_ids: Any, sequence_ids: Any) -> Pattern:
    """Each of several sequences in a row on its own, its positions counted from its start."""

    def pattern_of_one(batch: Any, head: Any, query: Any, key: Any) -> Any:
        together = _at(sequence_ids, batch, query) == _at(sequence_ids, batch, key)
        return together & pattern(batch, head, _at(position_ids, batch, query), _at(position_ids, batch, key))

    return pattern_of_one


def _at(table: Any, batch: Any, position: Any) -> Any:
    """`table[batch, position]` for a table `(batch, length)`."""
    shape = tf.broadcast_dynamic_shape(tf.shape(batch), tf.shape(position))
    return tf.gather_nd(table, tf.stack([tf.broadcast_to(batch, shape), tf.broadcast_to(position, shape)], axis=-1))


def combined(pattern: Pattern, or_mask: Pattern | None, and_mask: Pattern | None) -> Pattern:
    """A pattern with further places, then only with allowed ones."""

    def pattern_of_all(*indices: Any) -> Any:
        places = pattern(*indices)
        if or_mask is not None:
            places = places | or_mask(*indices)
        return places if and_mask is None else places & and_mask(*indices)

    return pattern_of_all


def mask(pattern: Pattern, sizes: Sizes, padding_mask: Any, dtype: Any) -> Any:
    """Evaluate a pattern: 0 where to look, the lowest number elsewhere; a short padding mask is padded at its end."""
    indices = sizes.indices()
    places = pattern(*indices)
    if padding_mask is not None:
        keys = indices[3][0, 0, 0]
        missing = tf.maximum(sizes.keys + sizes.key_offset - shape_list(padding_mask)[1], 0)
        padding_mask = tf.pad(padding_mask, [[0, 0], [0, missing]])
        places = places & tf.gather(padding_mask, keys, axis=1)[:, None, None, :]
    places = tf.broadcast_to(places, (sizes.batch, 1, sizes.queries, sizes.keys))
    return tf.where(places, tf.zeros((), dtype), tf.constant(dtype.min, dtype))
