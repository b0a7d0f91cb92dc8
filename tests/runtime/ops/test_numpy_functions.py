import numpy as np
import tensorflow as tf

from porter.runtime import numpy_function


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
