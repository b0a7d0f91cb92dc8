import keras
import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import TFGradientCheckpointingLayer, dropout
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import IDS, MASK, config

BATCH = {"input_ids": IDS, "attention_mask": MASK, "labels": IDS}


class Dropping(TFGradientCheckpointingLayer):
    """Random numbers of both kinds, statistics, an argument that is not a tensor, two results."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.drop = keras.layers.Dropout(0.5)
        self.norm = keras.layers.BatchNormalization(momentum=0.9)

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(1,), initializer="ones")
        self.norm.build(input_shape)

    def call(self, x, keep=None, power=1, training=False):
        kept = tf.where(keep, x, 0.0)
        y = dropout(self.drop(kept**power * self.scale, training=training), 0.5, training=training)
        return y, tf.reduce_mean(self.norm(x, training=training))


@pytest.fixture
def layer():
    made = Dropping()
    made.build((None, 8))
    made.gradient_checkpointing = True
    return made


def step(layer, training=True):
    """What the layer gives, and the gradient of its sum."""

    @tf.function
    def run(x, keep):
        with tf.GradientTape() as tape:
            y, mean = layer(x, keep=keep, power=2, training=training)
            total = tf.reduce_sum(y)
        return y, mean, tape.gradient(total, layer.scale.value)

    x = tf.constant(np.random.default_rng(1).normal(size=(32, 8)).astype("float32"))
    return [run(x, tf.ones((32, 8), tf.bool)) for _ in range(2)]


def test_the_second_run_draws_what_the_first_drew(layer):
    first, second = step(layer)
    for y, _, gradient in (first, second):
        # The sum is linear in the scale, which is 1: another mask would give another gradient.
        np.testing.assert_allclose(gradient, [tf.reduce_sum(y)], rtol=1e-5)
        assert 0.6 < np.mean(y == 0) < 0.9
    assert np.any(first[0] != second[0])


def test_statistics_are_updated_once(layer):
    plain = Dropping()
    plain.build((None, 8))
    step(layer)
    step(plain)
    np.testing.assert_allclose(layer.norm.moving_mean, plain.norm.moving_mean, rtol=1e-6)
    assert np.abs(layer.norm.moving_mean).max() > 0


def test_nothing_is_computed_twice_outside_of_training(layer):
    for y, _, gradient in step(layer, training=False):
        np.testing.assert_allclose(gradient, [tf.reduce_sum(y)], rtol=1e-5)
    assert not np.any(layer.norm.moving_mean)


def test_other_random_numbers_are_refused():
    class Drawing(TFGradientCheckpointingLayer):
        def call(self, x, training=False):
            return x * tf.random.uniform([])

    layer = Drawing()
    layer.gradient_checkpointing = True
    with pytest.raises(NotImplementedError, match="Drawing draws random numbers with RandomUniform, which a second"):
        tf.function(lambda x: layer(x, training=True), autograph=False)(tf.ones(3))


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_training_is_the_same_with_and_without(policy):
    drops = {"attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.3}
    losses = []
    for checkpointed in (False, True):
        keras.utils.set_random_seed(0)
        model = ported.TFBertForMaskedLM(config(**drops), dtype=policy)
        model.build()
        if checkpointed:
            model.gradient_checkpointing_enable()
        assert model.is_gradient_checkpointing is checkpointed
        model.compile(keras.optimizers.SGD(0.5))
        losses.append([float(model.train_on_batch(BATCH)) for _ in range(4)])
    assert losses[0][3] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5 if policy == "float32" else 2e-2)


def test_hidden_states_keep_their_gradients_and_caches_are_left_out():
    model = ported.TFBertModel.from_config(config(is_decoder=True))
    model.gradient_checkpointing_enable()

    @tf.function
    def run(ids):
        with tf.GradientTape() as tape:
            outputs = model(ids, output_hidden_states=True, use_cache=True, training=True)
            total = tf.reduce_sum(outputs.hidden_states[1] ** 2)
        weight = model.bert.encoder.layer[0].output_.dense.kernel.value
        return tape.gradient(total, weight)

    assert np.abs(run(tf.constant(IDS))).max() > 0
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
