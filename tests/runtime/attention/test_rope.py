from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS as EXPECTED
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from porter.runtime.attention.rope import ROPE_INIT_FUNCTIONS, dynamic_rope_update
from tests.runtime.compare import assert_matches

LONG = {"long_factor": [1.5 + i for i in range(8)], "short_factor": [1.0 + i / 9 for i in range(8)]}
CASES = {
    "linear": {"factor": 3.0},
    "dynamic": {"factor": 4.0},
    "yarn": {"factor": 4.0, "original_max_position_embeddings": 512},
    "yarn with scales": {
        "factor": 4.0, "original_max_position_embeddings": 512, "mscale": 0.7, "mscale_all_dim": 1.1, "beta_fast": 20,
    },
    "yarn untruncated": {"factor": 4.0, "original_max_position_embeddings": 512, "truncate": False},
    "yarn with a given scale": {"factor": 4.0, "original_max_position_embeddings": 64, "attention_factor": 1.3},
    "longrope": {**LONG, "factor": 4.0, "original_max_position_embeddings": 64},
    "longrope with a given scale": {**LONG, "original_max_position_embeddings": 64, "attention_factor": 1.2},
    "llama3": {
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 512,
    },
    "proportional": {"partial_rotary_factor": 0.25, "factor": 2.0},
}  # fmt: skip


def config(case, **extra):
    parameters = {"rope_type": case.split()[0], "rope_theta": 10000.0, **CASES[case], **extra}
    return LlamaConfig(hidden_size=64, num_attention_heads=4, max_position_embeddings=256, rope_parameters=parameters)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("length", [None, 50, 700])
def test_frequencies(case, length):
    kind = case.split()[0]
    expected, expected_factor = EXPECTED[kind](config(case), seq_len=length)
    found, factor = ROPE_INIT_FUNCTIONS[kind](config(case), None, length)
    assert_matches(found / tf.reduce_max(found), expected / expected.max(), bound=1e-6)
    assert factor == pytest.approx(expected_factor, abs=1e-12)


def test_every_kind_is_there():
    assert set(ROPE_INIT_FUNCTIONS) == {*EXPECTED, "default"}


@pytest.mark.parametrize("case", [case for case in CASES if case != "proportional"])
def test_a_configuration_of_transformers_4_says_the_same_in_other_words(case):
    kind = case.split()[0]
    values = dict(CASES[case])
    on_its_own = {"original_max_position_embeddings": values.pop("original_max_position_embeddings", 256)}
    if kind == "longrope":
        values.pop("factor", None)  # there it follows from the lengths
    former = SimpleNamespace(
        hidden_size=64, num_attention_heads=4, max_position_embeddings=256, rope_theta=10000.0,
        rope_scaling={"rope_type": kind, **values, **({} if kind == "longrope" else on_its_own)},
        **(on_its_own if kind == "longrope" else {}),
    )  # fmt: skip
    expected, expected_factor = ROPE_INIT_FUNCTIONS[kind](config(case), None, 100)
    found, factor = ROPE_INIT_FUNCTIONS[kind](former, None, 100)
    np.testing.assert_array_equal(found, expected)
    assert factor == pytest.approx(expected_factor, abs=1e-12)


def test_the_plain_frequencies():
    former = SimpleNamespace(hidden_size=64, num_attention_heads=4, max_position_embeddings=256, rope_theta=10000.0)
    former.rope_scaling, former.partial_rotary_factor = None, 0.5
    found, factor = ROPE_INIT_FUNCTIONS["default"](former)
    assert_matches(found, 1 / 10000.0 ** (np.arange(0, 8, 2) / 8), bound=1e-7)
    assert factor == 1.0


def test_part_of_a_head():
    expected, _ = EXPECTED["linear"](config("linear", partial_rotary_factor=0.5))
    found, _ = ROPE_INIT_FUNCTIONS["linear"](config("linear", partial_rotary_factor=0.5))
    assert_matches(found, expected)


def test_float64_is_not_rounded():
    keras.config.set_floatx("float64")
    try:
        found, _ = ROPE_INIT_FUNCTIONS["linear"](config("linear"))
    finally:
        keras.config.set_floatx("float32")
    exact = 1 / 10000.0 ** (np.arange(0, 16, 2) / 16) / 3
    assert_matches(found, exact, bound=1e-15)


class RotaryEmbedding(keras.layers.Layer):
    """As it is generated from Llama's."""

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.rope_type = config.rope_parameters["rope_type"]
        self.inv_freq, self.attention_scaling = ROPE_INIT_FUNCTIONS[self.rope_type](config)

    @dynamic_rope_update
    def call(self, x, position_ids):
        freqs = tf.cast(position_ids[..., None], tf.float32) * self.inv_freq
        emb = tf.concat([freqs, freqs], axis=-1)
        return tf.cos(emb) * self.attention_scaling, tf.sin(emb) * self.attention_scaling


@pytest.mark.parametrize("case", ["linear", "dynamic", "yarn", "longrope", "llama3"])
@pytest.mark.parametrize("length", [20, 70])
def test_embedding_of_short_and_long_texts(case, length):
    made = config(case)
    made.max_position_embeddings = 64
    positions = np.arange(length)[None]
    x = np.zeros((1, length, 64), "float32")
    expected = LlamaRotaryEmbedding(made)(torch.tensor(x), torch.tensor(positions))
    layer = RotaryEmbedding(made)
    usual = layer.inv_freq
    graph = tf.function(
        layer, input_signature=[tf.TensorSpec([None, None, 64]), tf.TensorSpec([None, None], tf.int64)]
    )
    for call in (layer, graph):
        found = call(tf.constant(x), tf.constant(positions))
        for one, other in zip(found, expected, strict=True):
            assert_matches(one, other)
    assert layer.inv_freq is usual
