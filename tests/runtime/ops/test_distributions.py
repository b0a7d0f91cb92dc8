"""Distributions, beside PyTorch's own."""

import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import Bernoulli, Categorical, Independent, Normal, PortError, kl_divergence

RANDOM = np.random.default_rng(0)
MEAN, OTHER = RANDOM.normal(size=(2, 3, 4)).astype(np.float32)
SCALE = np.abs(OTHER) + 0.5
CHANCES = 1 / (1 + np.exp(-OTHER))
CLASSES = np.array([0, 3, 2])
PAIRS = {
    "normal": (lambda d, c: d.Normal(c(MEAN), c(SCALE)), OTHER),
    "narrow": (lambda d, c: d.Normal(0.0, c(SCALE)), OTHER),
    "classes": (lambda d, c: d.Categorical(logits=c(MEAN)), CLASSES),
    "chances": (lambda d, c: d.Categorical(c(CHANCES)), CLASSES),
    "coin": (lambda d, c: d.Bernoulli(logits=c(MEAN)), (OTHER > 0).astype(np.float32)),
    "biased": (lambda d, c: d.Bernoulli(c(CHANCES)), (OTHER > 0).astype(np.float32)),
    "event": (lambda d, c: d.Independent(d.Normal(c(MEAN), c(SCALE)), 1), OTHER),
}


class Ported:
    Bernoulli, Categorical, Independent, Normal = Bernoulli, Categorical, Independent, Normal


def both(name):
    make, value = PAIRS[name]
    pair = make(Ported, tf.constant), make(torch.distributions, torch.from_numpy)
    return *pair, tf.constant(value), torch.from_numpy(value)


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_computed_is_the_same(name):
    port, original, value, torch_value = both(name)
    np.testing.assert_allclose(port.log_prob(value), original.log_prob(torch_value), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(port.entropy(), original.entropy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in PAIRS if "c" not in name[:1]])
def test_moments_are_the_same(name):
    port, original, *_ = both(name)
    for moment in ("mean", "stddev", "variance"):
        np.testing.assert_allclose(getattr(port, moment), getattr(original, moment), rtol=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_drawn_has_the_same_shape_and_about_the_mean(name):
    port, original, *_ = both(name)
    drawn = port.sample((4000,))
    assert tuple(drawn.shape) == tuple(original.sample((4000,)).shape)
    expected = np.asarray(original.sample((4000,)), np.float64).mean(0)
    np.testing.assert_allclose(np.asarray(drawn, np.float64).mean(0), expected, atol=0.25)
    assert tuple(port.sample().shape) == tuple(original.sample().shape)


def test_gradients_go_through_what_is_drawn_again():
    mean = tf.Variable(MEAN)
    with tf.GradientTape() as tape:
        drawn = Normal(mean, 1.0).rsample()
    np.testing.assert_array_equal(tape.gradient(drawn, mean), np.ones_like(MEAN))


@pytest.mark.parametrize("name", ["normal", "classes", "coin", "event"])
def test_how_far_two_are_apart_is_the_same(name):
    port, original, *_ = both(name)
    far, torch_far, *_ = both({"normal": "narrow", "classes": "chances", "coin": "biased"}.get(name, name))
    np.testing.assert_allclose(
        kl_divergence(port, far), torch.distributions.kl_divergence(original, torch_far), rtol=1e-4, atol=1e-5
    )


def test_two_of_two_kinds_are_refused():
    with pytest.raises(PortError, match="No divergence of Normal from Bernoulli"):
        kl_divergence(Normal(0.0, 1.0), Bernoulli(logits=tf.zeros(2)))


def test_a_graph_need_not_know_the_sizes():
    spec = tf.TensorSpec([None, None])
    graph = tf.function(lambda x: Categorical(logits=x).log_prob(tf.argmax(x, -1)), input_signature=[spec])
    np.testing.assert_allclose(graph(MEAN), Categorical(logits=tf.constant(MEAN)).log_prob(MEAN.argmax(-1)), rtol=1e-6)
