"""What einops has packed is unpacked, in a graph too."""

import einops
import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import unpack_axes

PARTS = [np.ones((2, 3, 4), np.float32), np.zeros((2, 5, 6, 4), np.float32), np.ones((2, 4), np.float32)]


@pytest.mark.parametrize("in_graph", [False, True])
def test_what_was_packed_comes_back(in_graph):
    packed, shapes = einops.pack([tf.constant(part) for part in PARTS], "b * d")

    def apart(tensor):
        return unpack_axes(tensor, shapes, "b * d")

    found = tf.function(apart, input_signature=[tf.TensorSpec([None, None, 4])])(packed) if in_graph else apart(packed)
    for mine, part in zip(found, PARTS, strict=True):
        np.testing.assert_array_equal(mine, part)
