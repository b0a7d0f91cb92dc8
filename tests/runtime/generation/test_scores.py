"""The scores after all rules, beside those of transformers' processors, in graphs that know no sizes."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers.generation import logits_process as theirs

from porter.runtime.generation.scores import Scores
from porter.runtime.generation.settings import settings_of

DRAW = np.random.default_rng(0)
LENGTH, PLACES, VOCABULARY = 9, 12, 17
TOKENS = DRAW.integers(0, 5, (3, PLACES))
LOGITS = DRAW.normal(size=(3, VOCABULARY)).astype("float32") * 3
LONGEST = 10


def ours(asked, *, prompt=4, length=LENGTH, padded=None):
    settings = settings_of(asked)
    spec = [tf.TensorSpec([None, None]), tf.TensorSpec([None, PLACES], tf.int64), tf.TensorSpec([], tf.int64)]

    @tf.function(input_signature=spec)
    def graph(scores, tokens, length):
        sizes = (tf.constant(size, tf.int64) for size in (prompt, LONGEST, settings.shortest(prompt)))
        return Scores(settings, *sizes, padded)(scores, tokens, length)

    return graph(LOGITS, TOKENS, length).numpy()


def by(*processors, length=LENGTH):
    scores = torch.from_numpy(LOGITS.copy())
    for processor in processors:
        scores = processor(torch.from_numpy(TOKENS[:, :length]), scores)
    return scores.numpy()


CPU = {"device": "cpu"}
CASES = [
    ({}, ()),
    ({"repetition_penalty": 1.7}, (theirs.RepetitionPenaltyLogitsProcessor(1.7),)),
    ({"no_repeat_ngram_size": 1}, (theirs.NoRepeatNGramLogitsProcessor(1),)),
    ({"no_repeat_ngram_size": 2}, (theirs.NoRepeatNGramLogitsProcessor(2),)),
    ({"no_repeat_ngram_size": 3}, (theirs.NoRepeatNGramLogitsProcessor(3),)),
    ({"min_length": 10, "eos_token_id": [3, 4]}, (theirs.MinLengthLogitsProcessor(10, [3, 4], **CPU),)),
    ({"min_length": 9, "eos_token_id": [3, 4]}, (theirs.MinLengthLogitsProcessor(9, [3, 4], **CPU),)),
    ({"min_new_tokens": 6, "eos_token_id": 3}, (theirs.MinNewTokensLengthLogitsProcessor(4, 6, 3, **CPU),)),
    ({"forced_eos_token_id": 3}, (theirs.ForcedEOSTokenLogitsProcessor(LONGEST, 3, **CPU),)),
    ({"suppress_tokens": [0, 5]}, (theirs.SuppressTokensLogitsProcessor([0, 5], **CPU),)),
    ({"temperature": 0.3, "top_k": 0}, (theirs.TemperatureLogitsWarper(0.3),)),
    ({"top_k": 4}, (theirs.TopKLogitsWarper(4),)),
    ({"top_k": 0, "top_p": 0.6}, (theirs.TopPLogitsWarper(0.6),)),
    ({"top_k": 0, "min_p": 0.2}, (theirs.MinPLogitsWarper(0.2),)),
    (
        {"temperature": 2.0, "top_k": 9, "top_p": 0.8, "min_p": 0.05},
        (
            theirs.TemperatureLogitsWarper(2.0),
            theirs.TopKLogitsWarper(9),
            theirs.TopPLogitsWarper(0.8),
            theirs.MinPLogitsWarper(0.05),
        ),
    ),
]
DRAWN = {"temperature", "top_k", "top_p", "min_p"}


@pytest.mark.parametrize(("asked", "processors"), CASES, ids=[str(asked) for asked, _ in CASES])
def test_each_rule(asked, processors):
    expected = by(*processors)
    found = ours(asked | ({"do_sample": True} if DRAWN & set(asked) else {}))
    assert (np.isneginf(found) == np.isneginf(expected)).all()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert not processors or "9" in str(asked.get("min_length")) or (expected != LOGITS).any()


def test_padding_does_not_count_as_repeated():
    padded = np.array([2, 0, 5])
    expected = by(theirs.RepetitionPenaltyLogitsProcessor(1.7, prompt_ignore_length=torch.tensor(padded)))
    np.testing.assert_allclose(ours({"repetition_penalty": 1.7}, padded=tf.constant(padded)), expected, rtol=1e-6)


@pytest.mark.parametrize(("length", "prompt", "first"), [(4, 4, True), (5, 4, False)])
def test_tokens_that_do_not_come_first(length, prompt, first):
    found = ours({"begin_suppress_tokens": [2]}, prompt=prompt, length=length)
    assert np.isneginf(found[:, 2]).all() == first
    assert np.isfinite(np.delete(found, 2, axis=1)).all()


def test_the_first_token_of_a_decoder():
    forced = by(theirs.ForcedBOSTokenLogitsProcessor(6), length=1)
    np.testing.assert_array_equal(ours({"forced_bos_token_id": 6}, prompt=1, length=1), forced)
    np.testing.assert_array_equal(ours({"forced_bos_token_id": 6}, prompt=1, length=2), LOGITS)


def test_what_is_drawn_has_the_distribution_of_the_scores():
    """Chi-square of 10,000 draws: what is drawn follows transformers' probabilities."""
    asked = {"do_sample": True, "temperature": 1.5, "top_k": 12, "top_p": 0.9}
    scores = ours(asked)[:1]
    warped = by(theirs.TemperatureLogitsWarper(1.5), theirs.TopKLogitsWarper(12), theirs.TopPLogitsWarper(0.9))
    expected = 10_000 * torch.softmax(torch.from_numpy(warped[0]).double(), dim=-1).numpy()
    tf.random.set_seed(0)
    counts = np.bincount(tf.random.categorical(scores, 10_000)[0].numpy(), minlength=VOCABULARY)
    kept = expected > 0
    assert counts[~kept].sum() == 0
    statistic = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < kept.sum() - 1 + 4 * np.sqrt(2 * kept.sum()), statistic
