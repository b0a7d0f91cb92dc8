"""Embeddings, bags of them and bilinear forms against PyTorch's."""

import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import Embedding, EmbeddingBag, max_pool


@pytest.mark.parametrize("padding", [1, -2, None])
def test_the_row_for_padding_has_no_gradient(padding):
    theirs, ours = torch.nn.Embedding(6, 3, padding_idx=padding), Embedding(6, 3, padding_idx=padding)
    ours.build(None)
    ours.embeddings.assign(theirs.weight.detach().numpy())
    ids = np.array([[1, 2, 1], [4, 5, 0]])
    theirs(torch.from_numpy(ids)).square().sum().backward()
    step = tf.function(lambda ids: tf.reduce_sum(tf.square(ours(ids))))
    with tf.GradientTape() as tape:
        loss = step(tf.constant(ids))
    found = tf.convert_to_tensor(tape.gradient(loss, ours.embeddings.value))
    np.testing.assert_allclose(found, theirs.weight.grad, atol=1e-6)
    np.testing.assert_allclose(ours(ids), theirs(torch.from_numpy(ids)).detach(), atol=1e-6)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_that_begin_where_offsets_say(mode):
    theirs = torch.nn.EmbeddingBag(6, 3, mode=mode, padding_idx=0)
    ours = EmbeddingBag(6, 3, mode=mode, padding_idx=0)
    ours.build(None)
    ours.embeddings.assign(theirs.weight.detach().numpy())
    ids, offsets = np.array([1, 2, 0, 4, 5, 5, 3]), np.array([0, 3, 5])
    reference = theirs(torch.from_numpy(ids), torch.from_numpy(offsets)).detach().numpy()
    np.testing.assert_allclose(ours(tf.constant(ids), offsets=tf.constant(offsets)), reference, atol=1e-6)


def test_weights_of_single_ids():
    theirs = torch.nn.EmbeddingBag(6, 3, mode="sum")
    ours = EmbeddingBag(6, 3, mode="sum")
    ours.build(None)
    ours.embeddings.assign(theirs.weight.detach().numpy())
    ids, weights = np.array([[1, 2], [4, 5]]), np.array([[0.5, 2.0], [1.0, -1.0]], np.float32)
    reference = theirs(torch.from_numpy(ids), per_sample_weights=torch.from_numpy(weights)).detach().numpy()
    found = ours(tf.constant(ids), per_sample_weights=tf.constant(weights))
    np.testing.assert_allclose(found, reference, atol=1e-6)


def test_a_window_that_only_the_graph_knows_is_the_whole_axis():
    x = tf.random.normal((2, 3, 5))
    spec = tf.TensorSpec((None, 3, None), tf.float32)
    whole = tf.function(lambda x: max_pool(x, tf.shape(x)[2]), input_signature=[spec])
    np.testing.assert_allclose(whole(x), tf.reduce_max(x, axis=2, keepdims=True))
    half = tf.function(lambda x: max_pool(x, tf.shape(x)[2] // 2), input_signature=[spec])
    with pytest.raises(tf.errors.InvalidArgumentError, match="whole axis"):
        half(x)
