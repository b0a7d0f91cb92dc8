"""Layers that get their names when the code runs."""

import keras
import numpy as np
import pytest

from porter.runtime import BatchNorm, add_bias, add_layer, built, named_children, sublayers
from porter.runtime.model.building import build_the_rest
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


def test_what_only_the_constructor_knows_is_remembered():
    parent = keras.layers.Layer()
    parent.deep = [{"dense": built(keras.layers.Dense(2), (None, 3))}]
    parent.unknown = keras.layers.Dense(2)
    assert not parent.deep[0]["dense"].built
    build_the_rest(parent)
    assert parent.deep[0]["dense"].kernel.shape == (3, 2)
    assert not parent.unknown.built


def test_the_remembered_shape_counts_whoever_builds():
    layer = built(keras.layers.Dense(2), (None, 3))
    layer.build((None, 7))
    assert layer.kernel.shape == (3, 2)


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
