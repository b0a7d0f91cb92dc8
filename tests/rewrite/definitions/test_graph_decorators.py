"""What a training step draws is drawn in each run of a graph, not once while the graph is made."""

import numpy as np
import pytest
import tensorflow as tf

from tests.rewrite.porting import port, tiny_subject

IDS = np.random.default_rng(0).integers(1, 30, (2, 5))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    subject = tiny_subject("random", ("RandomModel",), {"hidden_size": 8, "vocab_size": 30})
    return port(subject, tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="module")
def model(drawn):
    module = drawn.module()
    return module.TFRandomModel.from_config(module.TinyConfig(hidden_size=8, vocab_size=30))


def test_the_decorators_stand_where_something_is_drawn(drawn):
    assert "@graph_branches\n    def call(" in drawn.draft.code
    assert '@numpy_function("bool", rank=2)\ndef masked_positions(' in drawn.draft.code
    assert not [message for message in drawn.messages("left") if "eager" in message]


def test_a_shape_that_no_run_has_seen_is_a_shape(drawn):
    assert "tf.random.uniform(shape, dtype=hidden_states.dtype)" in drawn.text("TFRandomModel.call")


@pytest.mark.parametrize("known", [True, False])
def test_each_run_of_a_graph_draws_anew_and_has_gradients(model, known):
    signature = [tf.TensorSpec(IDS.shape if known else [None, None], tf.int64)]
    graph = tf.function(lambda ids: model(ids, training=True).last_hidden_state, input_signature=signature)
    results = {np.asarray(graph(tf.constant(IDS))).tobytes() for _ in range(12)}
    assert len(results) > 6
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(graph(tf.constant(IDS)))
    assert all(gradient is not None for gradient in tape.gradient(total, model.trainable_variables))


def test_outside_of_training_nothing_is_drawn(model):
    graph = tf.function(lambda ids: model(ids, training=False).last_hidden_state)
    np.testing.assert_allclose(graph(tf.constant(IDS)), model(IDS).last_hidden_state, atol=1e-6)
