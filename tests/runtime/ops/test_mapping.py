"""`vmap`, beside PyTorch's own."""

import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import vmap

ROWS = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize(("in_dims", "out_dims"), [(0, 0), (1, 0), (2, 1)])
def test_an_axis_of_one_argument(in_dims, out_dims):
    found = vmap(lambda x: (x * x, tf.reduce_sum(x, 0)), in_dims, out_dims)(tf.constant(ROWS))
    expected = torch.vmap(lambda x: (x * x, x.sum(0)), in_dims, out_dims)(torch.from_numpy(ROWS))
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, other)


def test_an_argument_that_stays():
    found = vmap(tf.linalg.matvec, in_dims=(0, None))(tf.constant(ROWS), tf.ones(4))
    np.testing.assert_allclose(found, ROWS.sum(-1))


def test_results_with_axes_of_their_own():
    found = vmap(lambda x: (x, x), out_dims=(0, 1))(tf.constant(ROWS))
    assert [tuple(each.shape) for each in found] == [(2, 3, 4), (3, 2, 4)]


def test_a_graph_need_not_know_how_many_there_are():
    graph = tf.function(vmap(lambda x: x + 1), input_signature=[tf.TensorSpec([None, 3])])
    assert graph(tf.zeros((5, 3))).shape == (5, 3)
