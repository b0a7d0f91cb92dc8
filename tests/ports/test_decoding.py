"""Decoding token by token with a cache is the whole run, eager and in graphs that the cache enters and leaves."""

import numpy as np
import pytest
import tensorflow as tf

from porter.subject import InputSpec
from porter.subject.inputs.arrays import numpy_inputs
from tests.families import each_family

DECODERS = {"llama": "LlamaForCausalLM", "gpt2": "GPT2LMHeadModel", "qwen3": "Qwen3ForCausalLM"}
WITH_ENCODER = {"t5": "T5ForConditionalGeneration", "bart": "BartForConditionalGeneration"}
KNOWN = 4


def tokens(name, length, seed):
    spec = InputSpec(name, (2, length), "int64", {"kind": "randint", "low": 2, "high": 40})
    return tf.constant(numpy_inputs([spec], seed=seed)[name])


@pytest.fixture(params=each_family([*DECODERS, *WITH_ENCODER]))
def decoder(request, ports, tmp_path):
    """The model, the decoder's tokens, and how it is called on some of them."""
    family = request.param
    name = (DECODERS | WITH_ENCODER)[family]
    model = ports(family).tf_model(name, ports(family).torch_model(name), tmp_path)
    if family in DECODERS:
        return model, tokens("input_ids", 7, 1), model
    given = tokens("input_ids", 6, 2)
    return model, tokens("decoder_input_ids", 7, 1), lambda ids, **rest: model(given, decoder_input_ids=ids, **rest)


def matches(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1.0, float(np.abs(expected).max())))


def test_cached_steps_are_the_whole_run(decoder):
    _, ids, call = decoder
    whole = call(ids, use_cache=False).logits
    outputs = call(ids[:, :KNOWN], use_cache=True)
    matches(outputs.logits, whole[:, :KNOWN])
    for at in range(KNOWN, ids.shape[1]):
        outputs = call(ids[:, at : at + 1], past_key_values=outputs.past_key_values, use_cache=True)
        matches(outputs.logits, whole[:, at : at + 1])


def test_cached_steps_in_graphs(decoder):
    """One graph for the prompt and one for all steps, whose lengths are not known."""
    _, ids, call = decoder
    whole = call(ids, use_cache=False).logits
    length = tf.TensorSpec([None, None], tf.int64)
    prompt = tf.function(lambda part: call(part, use_cache=True), input_signature=[length])
    step = tf.function(lambda part, cache: call(part, past_key_values=cache, use_cache=True), reduce_retracing=True)
    outputs = prompt(ids[:, :KNOWN])
    for at in range(KNOWN, ids.shape[1]):
        outputs = step(ids[:, at : at + 1], outputs.past_key_values)
        matches(outputs.logits, whole[:, at : at + 1])
    assert step.experimental_get_tracing_count() <= 2


def test_a_step_needs_its_cache(decoder):
    """The last token alone gives something else: the cache is what the steps above agree by."""
    _, ids, call = decoder
    alone, whole = call(ids[:, -1:], use_cache=False).logits, call(ids, use_cache=False).logits
    assert float(tf.reduce_max(tf.abs(alone - whole[:, -1:]))) > 1e-2
