"""A loop gives the same with bounds that are known and with those that only a graph knows."""

import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import joined, loop, stacked

X = np.arange(24, dtype=np.float32).reshape(2, 6, 2)


def scan(x, *bounds):
    def step(i, state, count):
        state = state + x[:, i]
        return (state, count + 1), (state, x[:, i : i + 2])

    (state, count), (states, parts) = loop(step, (tf.zeros_like(x[:, 0]), 0), *bounds)
    return state, count, stacked(states, axis=-1), joined(parts, axis=1)


@pytest.mark.parametrize("bounds", [(6,), (2, 6), (0, 6, 2), (5, 0, -1), (5, -1, -2)])
def test_graph_and_eager_agree(bounds):
    expected = scan(tf.constant(X), *bounds)
    signature = [tf.TensorSpec([None, None, None]), *[tf.TensorSpec([], tf.int64)] * len(bounds)]
    found = tf.function(scan, input_signature=signature)(X, *bounds)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_turn_leaves_the_states():
    @tf.function(input_signature=[tf.TensorSpec([], tf.int64)])
    def doubled(turns):
        return loop(lambda i, state: ((state * 2,), ()), (tf.constant(3.0),), turns)[0][0]

    assert [float(doubled(turns)) for turns in (0, 2)] == [3.0, 12.0]


def test_gradients_pass_through():
    @tf.function(input_signature=[tf.TensorSpec([None, None, None])])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(scan(x, tf.shape(x, out_type=tf.int64)[1])[2])
        return tape.gradient(loss, x)

    expected = np.broadcast_to(np.arange(6, 0, -1, dtype=np.float32)[None, :, None], X.shape)
    np.testing.assert_array_equal(gradient(X), expected)
