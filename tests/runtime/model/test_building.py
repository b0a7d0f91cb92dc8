"""Layers that get their names when the code runs."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import BatchNorm, add_bias, add_layer, add_parameter, named_children, sublayers
from porter.runtime.layers.build_rest import build_the_rest
from porter.runtime.model.names import named_variables


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = BatchNorm(4, name="first")
        self.rest = [BatchNorm(4, name="rest.0"), BatchNorm(4, name="rest.1")]

    def build(self, input_shape=None):
        for layer in (self.first, *self.rest):
            layer.build((None, 4, None, None))


class Scale(keras.layers.Layer):
    def build(self, input_shape=None):
        self.scale = self.add_weight(name="scale", shape=(2,))


def test_a_new_layer_is_named_and_built_with_the_rest():
    parent = keras.layers.Layer()
    add_layer(parent, "adapter_1", Scale())
    build_the_rest(parent)
    assert list(named_variables(parent)) == ["adapter_1.scale"]


def test_a_new_layer_may_have_a_name_that_keras_keeps_for_itself():
    parent = keras.layers.Layer()
    add_layer(parent, "output", Scale())
    assert named_children(parent) == [("output", parent.output_)]


@pytest.mark.parametrize("early", [False, True])
def test_a_layer_is_given_a_bias(early):
    layer = keras.layers.Dense(2, use_bias=False, kernel_initializer="zeros")
    if early:
        layer.build((None, 3))
    add_bias(layer, [1.0, 2.0])
    assert layer(np.ones((1, 3), np.float32)).numpy().tolist() == [[1.0, 2.0]]
    assert sorted(named_variables(layer)) == ["bias", "weight"]


@pytest.mark.parametrize("name", ["first", "rest.1"])
def test_a_layer_takes_the_place_of_another(name):
    block = Block()
    former = dict(named_children(block))[name]
    add_layer(block, name, Scale())
    assert former not in sublayers(block)
    assert sorted(child for child, _ in named_children(block)) == ["first", "rest.0", "rest.1"]
    block.build(None)
    assert f"{name}.scale" in named_variables(block)
    assert not any(key.startswith(f"{name}.running") for key in named_variables(block))


@pytest.mark.parametrize(("policy", "kept"), [("bfloat16", "bfloat16"), ("mixed_bfloat16", "float32")])
def test_a_parameter_has_the_type_that_its_layer_keeps_weights_in(policy, kept):
    layer = keras.layers.Layer(dtype=policy)
    assert add_parameter(layer, "scale", tf.ones(3)).dtype == kept
    assert add_parameter(layer, "places", tf.range(3)).dtype == "int32"
    assert add_parameter(layer, "exact", tf.ones(3, tf.float64)).dtype == "float64"
