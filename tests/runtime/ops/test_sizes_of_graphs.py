"""Python's functions of numbers, which take a scalar that only a graph knows as well."""

import math

import pytest
import tensorflow as tf

from porter.runtime import as_float, as_int, logarithm, rounded_down, rounded_up, square_root


@pytest.mark.parametrize(
    ("ported", "python"),
    [
        (lambda n: logarithm(n, 2), lambda n: math.log(n, 2)),
        (logarithm, math.log),
        (square_root, math.sqrt),
        (lambda n: as_int(as_float(n) * 0.5), lambda n: int(n * 0.5)),
        (lambda n: rounded_up(n / 4), lambda n: math.ceil(n / 4)),
        (lambda n: rounded_down(n / 4), lambda n: math.floor(n / 4)),
    ],
)
def test_a_graph_computes_what_python_does(ported, python):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def graph(x):
        return ported(tf.shape(x, out_type=tf.int64)[0])

    for size in (1, 7, 8, 100):
        assert ported(size) == python(size)
        found = graph(tf.zeros(size))
        assert found.dtype == (tf.int64 if isinstance(python(size), int) else tf.float64)
        assert abs(float(found) - python(size)) <= 1e-15 * max(1.0, abs(python(size)))
