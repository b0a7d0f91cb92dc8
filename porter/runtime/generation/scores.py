"""What is done to the scores of the next token before one is chosen, in transformers' order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from porter.runtime.generation.settings import Settings

_NEVER = float("-inf")


@dataclass(frozen=True)
class Scores:
    """The rules of one run.

    Attributes:
        settings: what was asked for.
        prompt: the length of the prompt, an int64 scalar.
        longest: the most tokens of a result, an int64 scalar.
        shortest: how many tokens a result has at least, an int64 scalar.
        padded: how many tokens at the beginning of each row are padding `(rows,)`; None where there are none.
    """

    settings: Settings
    prompt: Any
    longest: Any
    shortest: Any
    padded: Any = None

    def __call__(self, scores: Any, tokens: Any, length: Any) -> Any:
        """The scores `(rows, vocabulary)` of what follows the first `length` of `tokens` `(rows, places)`."""
        asked = self.settings
        if asked.repetition_penalty != 1.0:
            scores = self._less_often(scores, tokens, length)
        if asked.no_repeat_ngram_size > 0:
            scores = self._not_again(scores, tokens, length)
        if asked.eos_token_id and (asked.min_length > 0 or asked.min_new_tokens):
            scores = _without(scores, asked.eos_token_id, length < self.shortest)
        if asked.forced_bos_token_id is not None:
            scores = _only(scores, (asked.forced_bos_token_id,), length == 1)
        if asked.forced_eos_token_id:
            scores = _only(scores, asked.forced_eos_token_id, length == self.longest - 1)
        if asked.suppress_tokens:
            scores = _without(scores, asked.suppress_tokens, True)
        if asked.begin_suppress_tokens:
            late = 0 if asked.forced_bos_token_id is None else tf.cast(self.prompt <= 1, tf.int64)
            scores = _without(scores, asked.begin_suppress_tokens, length == self.prompt + late)
        return self._likeliest(scores) if asked.do_sample else scores

    def _less_often(self, scores: Any, tokens: Any, length: Any) -> Any:
        places = tf.range(tf.shape(tokens, out_type=tf.int64)[1])[None]
        counts = places < length
        if self.padded is not None:
            counts &= places >= self.padded[:, None]
        penalty = self.settings.repetition_penalty
        lowered = tf.where(scores < 0, scores * penalty, scores / penalty)
        return tf.where(_marked(scores, tokens, counts), lowered, scores)

    def _not_again(self, scores: Any, tokens: Any, length: Any) -> Any:
        """Ban what would end a sequence of tokens that stands already."""
        size = self.settings.no_repeat_ngram_size
        starts = tf.range(max(tokens.shape[1] - size + 1, 0), dtype=tf.int64)
        same = tf.broadcast_to(starts + size <= length, (tf.shape(tokens)[0], tf.shape(starts)[0]))
        for offset in range(size - 1):
            begun = tf.gather(tokens, starts + offset, axis=1)
            last = tf.gather(tokens, tf.maximum(length - size + 1 + offset, 0), axis=1)
            same &= begun == last[:, None]
        banned = _marked(scores, tf.gather(tokens, starts + size - 1, axis=1), same)
        return tf.where(banned, _NEVER, scores)

    def _likeliest(self, scores: Any) -> Any:
        """Leave out the tokens that are too unlikely to be drawn."""
        asked = self.settings
        if asked.temperature != 1.0:
            scores = scores / asked.temperature
        if asked.top_k > 0:
            kept = tf.math.top_k(scores, tf.minimum(asked.top_k, tf.shape(scores)[-1])).values[:, -1:]
            scores = tf.where(scores < kept, _NEVER, scores)
        if asked.top_p < 1.0:
            order = tf.argsort(scores, axis=-1, stable=True)
            likely = tf.cumsum(tf.nn.softmax(tf.gather(scores, order, batch_dims=1), axis=-1), axis=-1)
            last = tf.range(tf.shape(scores)[-1]) == tf.shape(scores)[-1] - 1
            removed = (likely <= 1.0 - asked.top_p) & ~last
            scores = tf.where(tf.gather(removed, tf.argsort(order, axis=-1), batch_dims=1), _NEVER, scores)
        if asked.min_p is not None:
            probabilities = tf.nn.softmax(scores, axis=-1)
            top = tf.reduce_max(probabilities, axis=-1, keepdims=True)
            scores = tf.where((probabilities < asked.min_p * top) & (probabilities < top), _NEVER, scores)
        return scores


def _marked(scores: Any, tokens: Any, chosen: Any) -> Any:
    """Which of the vocabulary `(rows, vocabulary)` stand among the chosen `tokens` `(rows, places)`."""
    rows, vocabulary = tf.unstack(tf.shape(scores, out_type=tf.int64))
    columns = tf.where(chosen, tokens, vocabulary)  # a column beside the vocabulary for those that are not
    numbers = tf.broadcast_to(tf.range(rows)[:, None], tf.shape(columns))
    indices = tf.reshape(tf.stack([numbers, columns], axis=-1), (-1, 2))
    found = tf.scatter_nd(indices, tf.ones(tf.shape(indices)[:1], tf.int32), (rows, vocabulary + 1))
    return found[:, :-1] > 0


def _are(scores: Any, tokens: tuple[int, ...]) -> Any:
    vocabulary = tf.range(tf.shape(scores, out_type=tf.int64)[-1])
    return tf.reduce_any(vocabulary[:, None] == tf.constant(tokens, tf.int64)[None], axis=-1)[None]


def _without(scores: Any, tokens: tuple[int, ...], now: Any) -> Any:
    return tf.where(_are(scores, tokens) & now, _NEVER, scores)


def _only(scores: Any, tokens: tuple[int, ...], now: Any) -> Any:
    forced = tf.where(_are(scores, tokens), 0.0, _NEVER)
    return tf.where(now, forced + tf.zeros_like(scores), scores)
