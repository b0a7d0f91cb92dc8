"""A port computes in the precision that Keras or the caller asks for, and in float32 where the code says so."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.rewrite.porting import port, tiny_subject

IDS = np.random.default_rng(0).integers(1, 30, (2, 5))


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    return port(tiny_subject("half", ("HalfModel",), {}), tmp_path_factory.mktemp("half"))


def test_the_operand_beside_a_float32_one_is_cast(half):
    assert "tf.cast(hidden_states, tf.float32) * tf.math.rsqrt(" in half.text("TFHalfNorm.call")
    assert "return tf.cast(x, tf.float32) * by[:, None]" in half.text("scaled")
    assert "tf.cast(hidden_states, tf.float32) * 2.0" not in half.text("TFHalfModel.call")


@pytest.mark.parametrize(
    ("dtype", "computed", "kept"),
    [
        ("mixed_float16", tf.float16, "float32"),
        ("mixed_bfloat16", tf.bfloat16, "float32"),
        ("bfloat16", tf.bfloat16, "bfloat16"),
        ("float64", tf.float64, "float64"),
    ],
)
def test_types_and_policies(half, tmp_path, dtype, computed, kept):
    modeling = half.module()
    exact = modeling.TFHalfModel.from_config(modeling.TinyConfig())
    exact.save_pretrained(tmp_path)
    model = modeling.TFHalfModel.from_pretrained(tmp_path, dtype=dtype)
    assert keras.config.dtype_policy().name == "float32"
    assert {variable.dtype for variable in model.weights} == {kept}
    found = tf.function(lambda ids: model(ids).last_hidden_state)(tf.constant(IDS))
    assert found.dtype == computed
    np.testing.assert_allclose(tf.cast(found, tf.float32), exact(IDS).last_hidden_state, rtol=0.05, atol=0.05)


def test_the_policy_of_keras(half):
    modeling = half.module()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = modeling.TFHalfModel.from_config(modeling.TinyConfig())
    finally:
        keras.config.set_dtype_policy("float32")
    assert model(IDS).last_hidden_state.dtype == tf.bfloat16
