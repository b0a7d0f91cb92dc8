"""Layers whose weight is computed from others, beside PyTorch's, in inference and in training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn

from porter import runtime as layers
from porter.runtime.model.names import named_variables
from tests.runtime.compare import assert_matches
from tests.runtime.test_layers import compare, copy_weights


@pytest.mark.parametrize("dim", [0, 1, 2, None])
def test_weight_norm(dim):
    module = nn.utils.parametrizations.weight_norm(nn.Conv1d(4, 8, 3, groups=2), dim=dim)
    layer = layers.weight_norm(layers.Conv1D(8, 3, groups=2), name="weight", dim=dim)
    compare(module, layer, (2, 4, 11))


def test_weight_norm_of_a_transposed_convolution():
    module = nn.utils.parametrizations.weight_norm(nn.ConvTranspose1d(4, 6, 3))
    compare(module, layers.weight_norm(layers.Conv1DTranspose(6, 3)), (2, 4, 11))


@pytest.mark.parametrize("dim", [0, 1, None])
def test_weight_norm_of_a_dense_layer(dim):
    module = nn.utils.parametrizations.weight_norm(nn.Linear(4, 6), dim=dim)
    compare(module, layers.weight_norm(keras.layers.Dense(6), dim=dim), (2, 5, 4))


def test_weight_norm_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="no weight that could be normalised"):
        layers.weight_norm(keras.layers.LayerNormalization())
    layer = layers.Conv1D(8, 3)
    with pytest.raises(ValueError, match="dim=3"):
        layers.weight_norm(layer, dim=3)
    layer.build((None, 4, None))
    with pytest.raises(ValueError, match="built already"):
        layers.weight_norm(layer)


KINDS = {
    "former": (nn.utils.spectral_norm, layers.former_spectral_norm),
    "present": (nn.utils.parametrizations.spectral_norm, layers.spectral_norm),
}
NORMED = {
    "convolution": (lambda: nn.Conv2d(4, 6, 3, groups=2), lambda: layers.Conv2D(6, 3, groups=2), (2, 4, 7, 5), None),
    "along inputs": (lambda: nn.Conv1d(4, 6, 3), lambda: layers.Conv1D(6, 3), (2, 4, 7), 1),
    "transposed": (lambda: nn.ConvTranspose1d(4, 6, 3), lambda: layers.Conv1DTranspose(6, 3), (2, 4, 7), None),
    "dense": (lambda: nn.Linear(4, 6), lambda: keras.layers.Dense(6), (3, 4), None),
}


def pair(kind, case, rounds=1):
    """A module and its layer, whose vectors are of one length, and the shape of an input."""
    of_torch, of_port = KINDS[kind]
    make, make_layer, shape, dim = NORMED[case]
    module = of_torch(make(), n_power_iterations=rounds, dim=dim)
    layer = of_port(make_layer(), n_power_iterations=rounds, dim=dim)
    return module, layer, shape


@pytest.mark.parametrize("case", NORMED)
@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norm(kind, case):
    compare(*pair(kind, case))


@pytest.mark.parametrize("case", NORMED)
@pytest.mark.parametrize("kind", KINDS)
def test_spectral_norm_in_training(kind, case):
    """The vectors follow PyTorch's from call to call, and the gradient of the weight is the same."""
    module, layer, shape = pair(kind, case, rounds=2)
    layer.build((None, *shape[1:]))
    copy_weights(module, layer)
    module.train()
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    step = tf.function(lambda inputs: layer(inputs, training=True))
    for _ in range(2):
        expected = module(torch.tensor(x))
        assert_matches(step(tf.constant(x)), expected)
    named = named_variables(layer)
    for name, tensor in module.state_dict().items():
        layout = named[name].layout
        assert_matches(layout.to_torch(named[name].variable.numpy()), tensor)
    module.zero_grad()
    module(torch.tensor(x)).square().sum().backward()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(tf.constant(x), training=True)))
    weight = next(name for name, _ in module.named_parameters() if "weight" in name)
    gradient = tape.gradient(loss, named[weight].variable.value)
    expected = dict(module.named_parameters())[weight].grad
    assert_matches(named[weight].layout.to_torch(np.asarray(gradient)), expected)


def test_a_fresh_spectral_norm_has_settled():
    """PyTorch has run fifteen rounds when its present form is made: the largest singular value is about 1.

    From most starts; the rounds go on where two singular values are near one another.
    """
    keras.utils.set_random_seed(0)
    layer = layers.spectral_norm(keras.layers.Dense(6))
    layer.build((None, 4))
    layers.reset_parameters(layer)
    assert np.linalg.norm(np.asarray(layer.kernel), 2) == pytest.approx(1, abs=1e-2)
