"""Layers that call a function, learned slopes, and norms that Keras lacks."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn

from porter.runtime import Elementwise, InstanceNorm, LayerNorm, PReLU, cosine_similarity
from tests.runtime.layers.twins import assert_twins, copy_weights, floats, strong


def test_functions_of_several_tensors():
    one, other = floats(2, 3, 4), floats(2, 3, 4, seed=1)
    expected = nn.CosineSimilarity(dim=2)(torch.from_numpy(one), torch.from_numpy(other)).numpy()
    np.testing.assert_allclose(Elementwise(cosine_similarity, axis=2, name="c")(one, other), expected, atol=1e-6)


@pytest.mark.parametrize(("count", "shape"), [(1, (2, 3, 4)), (3, (2, 3, 4)), (3, (2, 3)), (1, (5,))])
def test_slopes(count, shape):
    assert_twins(nn.PReLU(count), PReLU(count), [floats(*shape)])


@pytest.mark.parametrize("options", [{}, {"eps": 1e-3}, {"bias": False}, {"elementwise_affine": False}], ids=str)
def test_norms_over_several_axes(options):
    names = {"eps": "epsilon", "elementwise_affine": "affine"}
    ours = LayerNorm((3, 4), **{names.get(name, name): value for name, value in options.items()})
    if options.get("elementwise_affine") is False:
        ours.build(None)
        expected = nn.LayerNorm((3, 4), **options)(torch.from_numpy(floats(2, 3, 4))).numpy()
        np.testing.assert_allclose(ours(floats(2, 3, 4)), expected, atol=1e-5)
    else:
        assert_twins(nn.LayerNorm((3, 4), **options), ours, [floats(2, 3, 4)])


def test_running_statistics_of_rows():
    theirs = strong(nn.InstanceNorm2d(3, affine=True, track_running_stats=True))
    ours = InstanceNorm(3, affine=True, track_running_stats=True)
    ours.build(None)
    copy_weights(theirs, ours)
    x = floats(2, 3, 4, 5)
    for training in (True, False):
        theirs.train(training)
        expected = theirs(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(ours(tf.constant(x), training=training), expected, atol=1e-5)
    np.testing.assert_allclose(ours.moving_variance, theirs.running_var.numpy(), atol=1e-6)
