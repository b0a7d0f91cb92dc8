import numpy as np
import tensorflow as tf

from porter.runtime import numpy_function, python_function


@numpy_function("int64", rank=2)
def table(shape, *, scale=1, offsets=None):
    rows, columns = shape
    drawn = np.random.randint(0, 1000, (rows, columns)).astype("int32") * scale
    return drawn if offsets is None else drawn + offsets[:, None]


def test_a_graph_calls_it_anew_with_sizes_that_it_does_not_know():
    @tf.function(input_signature=[tf.TensorSpec([None, 3]), tf.TensorSpec([None], tf.int64)])
    def graph(x, offsets):
        found = table((tf.shape(x)[0], 3), scale=2, offsets=offsets)
        assert found.dtype == tf.int64 and found.shape.rank == 2
        return found

    first, second = (graph(tf.zeros((2, 3)), tf.constant([1, 3], tf.int64)).numpy() for _ in range(2))
    assert first.shape == (2, 3) and (first % 2 == 1).all()
    assert (first != second).any()


def test_eagerly_it_stays_as_it_is():
    assert table((2, 3)).dtype == np.int32


@python_function(("int64", (None,)), ("float32", (2, None)))
def places(lengths, *, start=0):
    rows = [tf.range(length) + start for length in lengths.numpy().tolist()]
    found = tf.concat(rows, axis=0)
    return found, tf.cast(tf.stack([found, found]), tf.float32)


def test_a_graph_runs_through_values_in_python():
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([], tf.int32)])
    def graph(lengths, start):
        found, both = places(lengths, start=start)
        assert (found.dtype, found.shape.rank, both.shape.as_list()) == (tf.int64, 1, [2, None])
        return found

    assert graph([2, 3], 1).numpy().tolist() == [1, 2, 1, 2, 3]
    assert graph([1], 0).numpy().tolist() == [0]
    assert places(tf.constant([2, 1]))[0].numpy().tolist() == [0, 1, 0]
