"""Convolutions whose number of groups only a graph knows: each image of a batch with a kernel of its own."""

import numpy as np
import pytest
import tensorflow as tf
import torch
import torch.nn.functional as F

from porter.runtime import conv, conv_transpose

RANDOM = np.random.default_rng(3)
BATCH, FROM, TO = 3, 4, 5


@pytest.mark.parametrize("groups", [BATCH, None], ids=["known", "unknown"])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_kernel_for_each_group(transposed, groups):
    x = RANDOM.normal(size=(1, BATCH * FROM, 7, 7)).astype("float32")
    shape = (BATCH * FROM, TO, 3, 3) if transposed else (BATCH * TO, FROM, 3, 3)
    weight = RANDOM.normal(size=shape).astype("float32")
    ours, theirs = (conv_transpose, F.conv_transpose2d) if transposed else (conv, F.conv2d)
    unknown = [tf.TensorSpec([1, None, None, None]), tf.TensorSpec([None, *shape[1:]]), tf.TensorSpec([], tf.int32)]
    known = [tf.TensorSpec(x.shape), tf.TensorSpec(shape), tf.TensorSpec([], tf.int32)]
    graph = tf.function(
        lambda x, weight, count: ours(x, weight, stride=2, padding=1, groups=groups or count),
        input_signature=known if groups else unknown,
    )
    expected = theirs(torch.tensor(x), torch.tensor(weight), stride=2, padding=1, groups=BATCH)
    np.testing.assert_allclose(graph(x, weight, tf.constant(BATCH)), expected, atol=1e-5)
