"""Operations that TFLite lacks, or computes otherwise: the converted graph gives what TensorFlow gives."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
interpreter = pytest.importorskip("ai_edge_litert.interpreter")

from porter.export.formats.tflite_export import converted  # noqa: E402 - without TensorFlow there is nothing to test
from porter.export.lite_operations import for_lite  # noqa: E402
from porter.export.ported_side import Frozen  # noqa: E402
from porter.runtime.ops.by_index import index_put, slice_update  # noqa: E402

ALL = slice(None)
X = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
X[0, 0, 0], X[2, 3] = -np.inf, np.inf
WHOLE, TRUE = np.arange(60).reshape(3, 4, 5) % 7, np.arange(60).reshape(3, 4, 5) % 2 > 0
ROW = np.ones(5, np.float32)
FORMS = {
    "one place": (lambda x, y: slice_update(x, (ALL, 0), y), X, ROW),
    "the last": (lambda x, y: slice_update(x, (ALL, -1), y), X, ROW),
    "every second": (lambda x, y: slice_update(x, (slice(None, None, 2), slice(1, 3)), y), X, ROW),
    "a computed place": (lambda x, y: slice_update(x, (ALL, tf.cast(tf.reduce_sum(y), tf.int64) - 6), y), X, ROW),
    "whole numbers": (lambda x, y: slice_update(x, (..., slice(1, None)), y[1:]), WHOLE, np.arange(5)),
    "bools": (lambda x, y: slice_update(x, (ALL, 1), y), TRUE, np.arange(5) > 2),
    "rows by number, beside infinity": (lambda x, y: index_put(x, (tf.constant([0, 1]), ALL, ALL), y), X, ROW),
    "slices by number": (
        lambda x, y: tf.tensor_scatter_nd_update(x, [[0], [1]], tf.stack([x[2], x[2] - y])), X, ROW),
    "division": (lambda x, y: x // 3 + x // tf.constant([2, 5], tf.int64) + y, np.array([-7, 11]), np.array([1, 1])),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_it_gives_what_tensorflow_gives(name, tmp_path):
    compute, *arrays = FORMS[name]
    specs = [tf.TensorSpec(array.shape, array.dtype, name=letter) for letter, array in zip("xy", arrays, strict=True)]
    function = tf.function(compute, input_signature=specs, autograph=False).get_concrete_function()
    graph = for_lite(Frozen(function, ("x", "y"), ("found",)))

    @tf.function(input_signature=[{spec.name: spec for spec in specs}])
    def serve(inputs):
        return {"found": graph.function(inputs["x"], inputs["y"])[0]}

    runner = interpreter.Interpreter(model_content=converted(serve, tmp_path / "frozen", None, iter(())))
    found = runner.get_signature_runner("serving_default")(x=arrays[0], y=arrays[1])["found"]
    np.testing.assert_array_equal(found, compute(*(tf.constant(array) for array in arrays)).numpy())


def test_a_graph_without_them_stays_as_it_is():
    function = tf.function(lambda x: x + 1, input_signature=[tf.TensorSpec((2,), tf.float32)], autograph=False)
    graph = Frozen(function.get_concrete_function(), ("x",), ("y",))
    assert for_lite(graph) is graph
