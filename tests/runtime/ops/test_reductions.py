import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import argsort, sort_with_indices, top_k
from tests.runtime.compare import assert_matches

SCORES = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
INDICES = {
    "top_k": lambda x: top_k(x, 2).indices,
    "top_k of the first axis": lambda x: top_k(x, 2, axis=0).indices,
    "sort": lambda x: sort_with_indices(x).indices,
    "argsort": argsort,
    "values of the greatest integers": lambda x: top_k(tf.cast(x * 3, tf.int32), 2).values,
    "values of sorted integers": lambda x: sort_with_indices(tf.cast(x * 3, tf.int32)).values,
}


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, -1])
def test_argsort_is_stable_as_pytorch(axis, descending):
    tied = np.round(SCORES)
    expected = torch.argsort(torch.tensor(tied), dim=axis, descending=descending, stable=True)
    assert_matches(argsort(tf.constant(tied), axis, descending), expected)


@pytest.mark.parametrize("name", INDICES)
def test_xla_finds_where_an_index_stands(name):
    def places(scores):
        return tf.where(tf.equal(INDICES[name](scores), 1))

    expected = places(tf.constant(SCORES)).numpy()
    assert len(expected)
    np.testing.assert_array_equal(tf.function(places, jit_compile=True)(tf.constant(SCORES)), expected)
