"""One result for each row: the likeliest token, or one that is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from porter.runtime.generation.decoder import Decoder
from porter.runtime.generation.scores import Scores


def one_by_one(decoder: Decoder, rules: Scores, tokens: Any, told: Any) -> tuple[Any, Any]:
    """Fill `tokens` `(rows, places)` behind the prompt.

    Args:
        decoder: the model.
        rules: what is done to its scores.
        tokens: the prompt with places behind it.
        told: is called with each new column of tokens `(rows,)`; None for nobody.

    Returns:
        The tokens, and how many there are.
    """
    ends = tf.constant(rules.settings.eos_token_id, tf.int64)
    scores, memory = decoder.start(tokens[:, : rules.prompt])
    tokens = tf.repeat(tokens, decoder.repeats, axis=0)

    def chosen(scores: Any, tokens: Any, length: Any, open_: Any) -> tuple[Any, Any]:
        scores = rules(scores, tokens, length)
        if rules.settings.do_sample:
            token = tf.random.categorical(scores, 1, dtype=tf.int64)[:, 0]
        else:
            token = tf.argmax(scores, axis=-1, output_type=tf.int64)
        token = tf.where(open_, token, rules.settings.padding)
        if told is not None:
            token = _heard(told, token)
        return written(tokens, token, length), open_ & ~tf.reduce_any(token[:, None] == ends[None], axis=-1)

    def turn(length: Any, tokens: Any, open_: Any, tensors: Any) -> tuple[Any, Any, Any, Any]:
        scores, after = decoder.step(tokens, length, memory.with_tensors(tensors))
        tokens, open_ = chosen(scores, tokens, length, open_)
        return length + 1, tokens, open_, after.tensors

    open_ = tf.ones(tf.shape(tokens)[:1], tf.bool)
    tokens, open_ = chosen(scores, tokens, rules.prompt, open_)
    length, tokens, _, _ = tf.while_loop(
        lambda length, tokens, open_, tensors: tf.reduce_any(open_) & (length < rules.longest),
        turn,
        (tf.convert_to_tensor(rules.prompt + 1, tf.int64), tokens, open_, memory.tensors),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None, tokens.shape[1]]),
            tf.TensorShape([None]),
            memory.shapes,
        ),
    )
    return tokens, length


def _heard(told: Callable[[Any], Any], token: Any) -> Any:
    """The column, once it has been told: the next turn begins with it, so that columns are told in their order."""

    def passed_on(column: Any) -> Any:
        told(column)
        return column

    return tf.ensure_shape(tf.numpy_function(passed_on, [token], token.dtype), token.shape)


def written(tokens: Any, column: Any, place: Any) -> Any:
    """`tokens` `(..., places)` with a column `(...)` at a place."""
    here = tf.range(tf.shape(tokens, out_type=tf.int64)[-1]) == place
    return tf.where(here, column[..., None], tokens)
