"""Beam search, as transformers does it: some results are followed at once, and the best finished ones are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

from porter.runtime.generation.choosing import written
from porter.runtime.generation.decoder import Decoder
from porter.runtime.generation.scores import Scores

_OUT = -1.0e9


class Beams(NamedTuple):
    """What goes from one turn to the next; the tensors are `(rows, beams, ...)`.

    Attributes:
        length: how many tokens the running beams have.
        running: their tokens.
        running_scores: the logarithm of their probabilities.
        finished: the tokens of the best results.
        scores: the results' scores, with the penalty for their length.
        lengths: how many tokens each result has.
        is_finished: whether a result has come to its end.
        can_improve: whether a running beam may still become better than the results `(rows, 1)`.
        all_ended: whether no beam goes on.
    """

    length: Any
    running: Any
    running_scores: Any
    finished: Any
    scores: Any
    lengths: Any
    is_finished: Any
    can_improve: Any
    all_ended: Any


@dataclass(frozen=True)
class BeamSearch:
    """One search.

    Attributes:
        decoder: the model.
        rules: what is done to its scores.
        rows: how many prompts there are.
    """

    decoder: Decoder
    rules: Scores
    rows: Any

    @property
    def _width(self) -> int:
        return self.rules.settings.num_beams

    def run(self, tokens: Any) -> tuple[Any, Any]:
        """The best results of `tokens` `(rows, places)`, and how many tokens the longest has."""
        scores, memory = self.decoder.start(tokens[:, : self.rules.prompt])
        beams, chosen = self._turn(self._begun(tokens), scores)
        memory = memory.reordered(chosen)

        def turn(beams: Beams, tensors: Any) -> tuple[Beams, Any]:
            flat = _flat(beams.running)
            scores, after = self.decoder.step(flat, beams.length, memory.with_tensors(tensors))
            beams, chosen = self._turn(beams, scores)
            return beams, after.reordered(chosen).tensors

        beams, _ = tf.while_loop(
            lambda beams, _: self._goes_on(beams),
            turn,
            (beams, memory.tensors),
            shape_invariants=(_any_sizes(beams), memory.shapes),
        )
        kept = self.rules.settings.num_return_sequences
        return _flat(beams.finished[:, :kept]), tf.reduce_max(beams.lengths[:, :kept])

    def _begun(self, tokens: Any) -> Beams:
        shape = (self.rows, self._width)
        running = tf.repeat(tokens[:, None], self._width, axis=1)
        first = tf.broadcast_to(tf.range(self._width) == 0, shape)
        nothing = tf.fill(shape, _OUT)
        return Beams(
            self.rules.prompt,
            running,
            tf.where(first, 0.0, nothing),
            running,
            nothing,
            tf.fill(shape, self.rules.prompt),
            tf.zeros(shape, tf.bool),
            tf.ones((self.rows, 1), tf.bool),
            tf.constant(False),
        )

    def _turn(self, beams: Beams, scores: Any) -> tuple[Beams, Any]:
        """The beams with one more token, and which rows of the memory they go on from."""
        asked = self.rules.settings
        vocabulary = tf.shape(scores, out_type=tf.int64)[-1]
        scores = self.rules(tf.nn.log_softmax(scores, axis=-1), _flat(beams.running), beams.length)
        scores = tf.reshape(scores, (self.rows, self._width, vocabulary)) + beams.running_scores[:, :, None]
        candidates = max(2, 1 + len(asked.eos_token_id)) * self._width
        top, places = tf.math.top_k(tf.reshape(scores, (self.rows, -1)), candidates, index_type=tf.int64)
        came_from, token = places // vocabulary, places % vocabulary
        sequences = written(_picked(beams.running, came_from), token, beams.length)
        ends = tf.constant(asked.eos_token_id, tf.int64)
        ended = tf.reduce_any(token[..., None] == ends, axis=-1) | (beams.length + 1 >= self.rules.longest)
        going, best = tf.math.top_k(top + tf.where(ended, _OUT, 0.0), self._width)
        after = self._with_results(beams, sequences, top, ended)._replace(
            length=beams.length + 1,
            running=_picked(sequences, best),
            running_scores=going,
            all_ended=tf.reduce_all(ended),
        )
        rows = tf.range(self.rows, dtype=tf.int64)[:, None] * self._width + _picked(came_from, best)
        return after._replace(can_improve=self._can_improve(after)), tf.reshape(rows, (-1,))

    def _with_results(self, beams: Beams, sequences: Any, scores: Any, ended: Any) -> Beams:
        """The best of the results so far and of those that ended in this turn."""
        asked = self.rules.settings
        ended &= tf.range(tf.shape(ended)[1]) < self._width
        scores = scores / self._penalty(beams.length + 1)
        full = tf.reduce_all(beams.is_finished, axis=-1, keepdims=True) & (asked.early_stopping is True)
        for out in (full, ~beams.can_improve, ~ended):
            scores += tf.where(out, _OUT, 0.0)
        lengths = tf.fill(tf.shape(scores), beams.length + 1)
        best, places = tf.math.top_k(tf.concat([beams.scores, scores], axis=1), self._width)
        return beams._replace(
            finished=_picked(tf.concat([beams.finished, sequences], axis=1), places),
            scores=best,
            lengths=_picked(tf.concat([beams.lengths, lengths], axis=1), places),
            is_finished=_picked(tf.concat([beams.is_finished, ended], axis=1), places),
        )

    def _penalty(self, length: Any) -> Any:
        return tf.cast(length - self.rules.prompt, tf.float32) ** self.rules.settings.length_penalty

    def _can_improve(self, beams: Beams) -> Any:
        asked = self.rules.settings
        longest = asked.early_stopping == "never" and asked.length_penalty > 0.0
        possible = beams.running_scores[:, :1] / self._penalty(self.rules.longest if longest else beams.length)
        worst = tf.reduce_min(beams.scores, axis=1, keepdims=True)
        worst = tf.where(beams.is_finished, worst, _OUT)
        return beams.can_improve & tf.reduce_any(possible > worst, axis=-1, keepdims=True)

    def _goes_on(self, beams: Beams) -> Any:
        complete = tf.reduce_all(beams.is_finished) & (self.rules.settings.early_stopping is True)
        return tf.reduce_any(beams.can_improve) & ~complete & ~beams.all_ended


def _any_sizes(beams: Beams) -> Any:
    """The ranks, and of tokens the number of places."""
    places = beams.running.shape[2]
    shapes = Beams(*(tf.TensorShape([None] * tensor.shape.rank) for tensor in beams))
    return shapes._replace(running=tf.TensorShape([None, None, places]), finished=tf.TensorShape([None, None, places]))


def _flat(beams: Any) -> Any:
    """`(rows, beams, ...)` as `(rows * beams, ...)`."""
    return tf.reshape(beams, (-1, *beams.shape[2:]))


def _picked(beams: Any, places: Any) -> Any:
    """Some beams of each row."""
    return tf.gather(beams, places, axis=1, batch_dims=1)
