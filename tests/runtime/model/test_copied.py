"""Copies of layers: all that is inside is new, weights that are there already start with the same numbers."""

import keras
import numpy as np
import tensorflow as tf

from porter.runtime import Conv2D, Sequential, add_parameter, built, copied


class Block(keras.layers.Layer):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.first = self.again = built(keras.layers.Dense(width), (None, None, width))
        self.listed = [keras.layers.LayerNormalization(), keras.layers.Dropout(0.5)]
        self.named = {"inner": Sequential([keras.layers.Dense(width), keras.layers.ReLU()])}
        self.shift = add_parameter(self, "shift", tf.random.normal((width,)), trainable=False)
        self.conv = Conv2D(2, 3, padding=1)
        self.function = self.shifted

    def shifted(self, x):
        return x + self.shift

    def call(self, x, training=False):
        x = self.again(self.function(self.first(x)))
        for layer in self.listed:
            x = layer(x)
        return self.named["inner"](x, training=training)

    def build(self, input_shape=None):
        self.first.build()
        self.conv.build((None, 3, None, None))


def test_a_layer_without_weights_yet():
    block = Block(4)
    copy = copied(block)
    assert copy.again is copy.first is not block.first
    assert copy.function.__self__ is copy
    np.testing.assert_array_equal(copy.shift, block.shift)
    assert copy(tf.ones((2, 4))).shape == block(tf.ones((2, 4))).shape
    assert len(copy.weights) == len(block.weights)
    assert not {id(weight) for weight in copy.weights} & {id(weight) for weight in block.weights}


def test_a_built_layer_keeps_its_numbers():
    block = Block(4)
    expected = block(tf.ones((2, 4)))
    copy = copied(block)
    np.testing.assert_array_equal(copy(tf.ones((2, 4))), expected)
    copy.first.kernel.assign(tf.zeros((4, 4)))
    np.testing.assert_array_equal(block(tf.ones((2, 4))), expected)


def test_lists_and_dictionaries_of_layers():
    block = Block(4)
    ((one,), named) = copied([[block], {"same": block}])
    assert named["same"] is one is not block
