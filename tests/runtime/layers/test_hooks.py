"""Hooks see what a layer is given and gives, and may change it, in graphs too."""

import keras
import tensorflow as tf

from porter.runtime import forward_hook, forward_pre_hook


def _layer():
    return keras.layers.Dense(2, kernel_initializer="ones")


def test_a_hook_sees_the_result():
    layer, seen = _layer(), {}
    forward_hook(layer, lambda module, inputs, output: seen.update(given=inputs[0], found=output, module=module))
    result = layer(tf.ones((1, 3)))
    assert (seen["given"].shape, seen["module"]) == ((1, 3), layer)
    assert seen["found"] is result


def test_a_hook_changes_the_result_until_it_is_removed():
    layer = _layer()
    hook = forward_hook(layer, lambda module, inputs, output: output * 2)
    assert tf.function(layer)(tf.ones((1, 3))).numpy().tolist() == [[6.0, 6.0]]
    hook.remove()
    assert layer(tf.ones((1, 3))).numpy().tolist() == [[3.0, 3.0]]


def test_a_hook_changes_what_the_layer_is_given():
    layer = _layer()
    forward_pre_hook(layer, lambda module, inputs: (inputs[0] * 2,))
    forward_pre_hook(layer, lambda module, inputs: inputs[0] + 1)
    assert layer(tf.ones((1, 3))).numpy().tolist() == [[9.0, 9.0]]


def test_keywords_reach_a_hook_that_asks_for_them():
    layer = keras.layers.Dropout(0.5)
    seen = []
    forward_hook(layer, lambda module, args, kwargs, output: seen.append(kwargs), with_kwargs=True)
    forward_pre_hook(layer, lambda module, args, kwargs: (args, {"training": False}), with_kwargs=True)
    assert layer(tf.ones((1, 3)), training=True).numpy().tolist() == [[1.0, 1.0, 1.0]]
    assert seen == [{"training": False}]
