"""What makes a kernel of other weights."""

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.layers.kernel_parts import DirectionAndLength, OverLargestStretch


def built(parts, shape):
    layer = keras.layers.Layer()
    parts.add(layer, shape)
    return layer


def test_direction_and_length():
    """Each column has the length that the other weight says."""
    layer = built(DirectionAndLength(1), (4, 3))
    layer.kernel_norm.assign([[1.0, 2.0, 3.0]])
    kernel = np.asarray(layer.kernel_norm), np.asarray(DirectionAndLength(1).kernel(layer))
    np.testing.assert_allclose(np.linalg.norm(kernel[1], axis=0), kernel[0][0], rtol=1e-6)


def test_one_length_for_all():
    layer = built(DirectionAndLength(None), (4, 3))
    layer.kernel_norm.assign(5.0)
    assert np.isclose(np.linalg.norm(np.asarray(DirectionAndLength(None).kernel(layer))), 5.0)


def test_many_rounds_find_the_largest_singular_value():
    parts = OverLargestStretch((1, 0), 200, 1e-12, left_first=True, settling=0)
    layer = built(parts, (4, 3))
    parts.before_training_call(layer)
    assert np.isclose(np.linalg.norm(np.asarray(parts.kernel(layer)), 2), 1.0, atol=1e-4)


def test_no_gradient_flows_through_the_vectors():
    parts = OverLargestStretch((1, 0), 1, 1e-12, left_first=False, settling=0)
    layer = built(parts, (4, 3))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(parts.kernel(layer))
    assert tape.gradient(total, layer.kernel_u.value) is None or not layer.kernel_u.trainable
