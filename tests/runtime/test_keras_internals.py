"""What porter asks of Keras beyond its documented interface, as the installed Keras answers it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import keras_internals


class Pair(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = keras.layers.Dense(2)
        self.second = keras.layers.BatchNormalization()

    def call(self, x, training=False):
        return self.second(self.first(x), training=training)


@pytest.fixture
def pair():
    model = Pair()
    model(tf.ones((1, 3)))
    return model


def test_parts_are_listed(pair):
    assert keras_internals.children(pair) == [pair.first, pair.second]
    assert keras_internals.every_layer(pair) == [pair, pair.first, pair.second]
    names = [variable.name for variable in keras_internals.variables_of(pair.second)]
    assert names == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert set(vars(pair)) >= keras_internals.LISTS_OF_PARTS


def test_a_layer_has_another_name(pair):
    keras_internals.set_layer_name(pair.first, "other")
    assert pair.first.name == "other"


def test_what_is_set_untracked_is_no_part(pair):
    keras_internals.set_untracked(pair, "third", keras.layers.Dense(1))
    assert len(keras_internals.children(pair)) == 2
    with keras_internals.set_meanwhile(pair, "third", 4), keras_internals.set_meanwhile(pair, "fourth", 5):
        assert (pair.third, pair.fourth) == (4, 5)
    assert isinstance(pair.third, keras.layers.Dense) and not hasattr(pair, "fourth")


def test_layers_and_variables_are_let_go(pair):
    keras_internals.untrack_layer(pair, pair.second)
    assert keras_internals.children(pair) == [pair.first]
    keras_internals.untrack_variable(pair.first, pair.first.bias)
    assert [weight.name for weight in pair.weights] == ["kernel"]
    keras_internals.forget_kernel(pair.first)
    assert keras_internals.own_kernel(pair.first) is None and pair.weights == []


def test_a_variable_is_given_numbers_of_another_shape():
    layer = keras.layers.Embedding(3, 2)
    model = keras.Sequential([layer])
    assert keras_internals.own_table(layer) is None
    layer.build()
    keras_internals.put(model, layer.embeddings, np.ones((3, 2), np.float32))
    assert keras_internals.own_table(layer) is layer.embeddings
    keras_internals.put(model, layer.embeddings, np.full((4, 2), 5.0, np.float32))
    np.testing.assert_array_equal(layer(tf.constant([3])), [[5.0, 5.0]])


def test_a_model_is_compiled_once_compile_was_called(pair):
    assert not keras_internals.is_compiled(pair)
    pair.compile("sgd", "mse")
    assert keras_internals.is_compiled(pair)


def test_a_built_layer_opens_for_a_weight_and_closes_again(pair):
    with pytest.raises(ValueError, match="cannot add new elements"):
        pair.first.late = pair.first.add_weight(name="late", shape=())
    with keras_internals.open_to_weights(pair.first):
        pair.first.late = pair.first.add_weight(name="late", shape=())
    assert "late" in [weight.name for weight in pair.first.weights]
    with pytest.raises(ValueError, match="cannot add new elements"):
        pair.first.later = pair.first.add_weight(name="later", shape=())


def test_who_takes_training():
    assert keras_internals.takes_training(keras.layers.BatchNormalization())
    assert not keras_internals.takes_training(keras.layers.Flatten())
    assert not keras_internals.takes_training(tf.tanh)


def test_variables_without_numbers_read_them_when_they_are_used():
    with keras.StatelessScope(initialize_variables=False):
        layer = keras.layers.Dense(2)
        layer.build((None, 3))
    keras_internals.allocate_nothing_later()
    with keras.StatelessScope():
        pass
    keras_internals.read_from(layer.kernel, lambda shape, dtype: tf.fill(shape, 7.0))
    assert float(tf.reduce_max(keras.ops.convert_to_tensor(layer.kernel))) == 7.0


def test_variables_are_read_in_another_type_for_a_while(pair):
    with keras_internals.computing_in("float16"):
        assert keras.ops.convert_to_tensor(pair.first.kernel).dtype == tf.float16
    assert keras.ops.convert_to_tensor(pair.first.kernel).dtype == tf.float32
