"""A tensor is cut into as many pieces as another one has sizes, which a graph need not know."""

import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import as_pieces, each, filled, joined, split, stacked, to_list
from porter.runtime.port_errors import Unsupported

X = np.arange(24, dtype=np.float32).reshape(2, 6, 2)
SPECS = [tf.TensorSpec([None, None, 2]), tf.TensorSpec([None], tf.int64)]


def cut(x, sizes):
    return tf.split(x, to_list(sizes), axis=1), split(x * 2, to_list(sizes), axis=1)


def mapped(x, sizes):
    sums = each(lambda one, other: one + other, *cut(x, sizes))
    means = each(lambda one: tf.reduce_mean(one, axis=1), cut(x, sizes)[0])
    rows = as_pieces(each(lambda one: tf.transpose(one, [1, 0, 2]), cut(x, sizes)[0]))
    whole = tf.concat(cut(x, sizes)[0], axis=1)
    return joined(sums, axis=1), stacked(means), whole, tf.concat(rows, axis=0)


@pytest.mark.parametrize("sizes", [[6], [1, 2, 3], [2, 2, 2], [4, 0, 2]])
def test_graph_and_eager_agree(sizes):
    sizes = tf.constant(sizes, tf.int64)
    for one, other in zip(
        tf.function(mapped, input_signature=SPECS)(X, sizes), mapped(tf.constant(X), sizes), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_eagerly_they_are_lists():
    pieces, doubled = cut(tf.constant(X), tf.constant([1, 5]))
    assert [piece.shape[1] for piece in pieces] == [piece.shape[1] for piece in doubled] == [1, 5]


def test_gradients_pass_through():
    @tf.function(input_signature=SPECS)
    def gradient(x, sizes):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(joined(each(lambda one: one**2, cut(x, sizes)[0]), axis=1))
        return tape.gradient(total, x)

    np.testing.assert_array_equal(gradient(X, [1, 5]), 2 * X)


def test_pieces_cannot_be_joined_along_another_axis():
    @tf.function(input_signature=SPECS, autograph=False)
    def wrong(x, sizes):
        return tf.concat(cut(x, sizes)[0], axis=2)

    with pytest.raises(Unsupported, match="along axis 1 into pieces whose number only the graph knows"):
        wrong(X, [1, 5])


def both(x, sizes, rows):
    """Lists that a loop over pieces and rows fills: one of the same width, one whose tensors have their own shapes."""

    def step(piece, row):
        flat = piece[0] + row
        return flat, tf.matmul(flat, flat, transpose_b=True)

    flat, squares = filled(step, cut(x, sizes)[0], rows)
    squares = as_pieces(squares)
    traces = stacked(each(tf.linalg.trace, squares))
    return joined(flat, axis=0), traces, tf.concat(each_padded(squares), axis=0)


def each_padded(squares):
    return as_pieces(each(lambda square: tf.pad(square, [[0, 0], [0, 6 - tf.shape(square)[1]]]), squares))


@pytest.mark.parametrize("sizes", [[6], [1, 2, 3], [4, 0, 2]])
def test_lists_that_a_loop_fills_agree(sizes):
    rows = tf.reshape(tf.range(2.0 * len(sizes)), (-1, 2))
    sizes = tf.constant(sizes, tf.int64)
    graph = tf.function(both, input_signature=[*SPECS, tf.TensorSpec([None, 2])])
    for one, other in zip(graph(X, sizes, rows), both(tf.constant(X), sizes, rows), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_pieces_of_any_shape_leave_a_graph():
    @tf.function(input_signature=SPECS)
    def squares(x, sizes):
        return as_pieces(each(lambda one: tf.matmul(one, one, transpose_b=True), cut(x, sizes)[0]))

    found = squares(X, [1, 5])
    expected = [part @ part.transpose(0, 2, 1) for part in (X[:, :1], X[:, 1:])]
    for one, other in zip([*found.to_list(), found[-1]], [*expected, expected[-1]], strict=True):
        np.testing.assert_array_equal(one, other)


def test_pieces_of_any_shape_are_put_together():
    @tf.function(input_signature=SPECS)
    def columns(x, sizes):
        kept = as_pieces(each(lambda one: tf.transpose(one, [2, 1, 0])[..., :1], cut(x, sizes)[0]))
        return tf.concat(kept, axis=1)

    np.testing.assert_array_equal(columns(X, [1, 5]), X.transpose(2, 1, 0)[..., :1])
