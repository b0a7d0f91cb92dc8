"""Which tensor of a layer is which of a module's, and in which layout."""

import numpy as np

from diffcheck.compare.align import align, compare_modules, fit_layout
from diffcheck.compare.metrics import Bound
from diffcheck.record.values import TensorValue, flatten

X = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype(np.float32)


def test_where_sizes_are_equal_the_numbers_tell_the_layout():
    last = TensorValue(np.transpose(X, (0, 2, 3, 1)), "float32")
    assert np.array_equal(fit_layout(last, X).array, X)
    assert compare_modules(flatten(X), flatten(last.array), Bound()).matches


def test_other_numbers_stay_in_their_layout():
    other = TensorValue(X[::-1].copy(), "float32")
    assert np.array_equal(fit_layout(other, X).array, other.array)
    assert not compare_modules(flatten(X), flatten(other.array), Bound()).matches


def test_what_follows_the_first_tensor_of_a_tuple_may_be_something_else():
    hidden, weights, cache = np.ones((2, 3)), np.ones((2, 4, 3, 3)), np.ones((2, 2, 4, 3, 1))
    expected, actual = flatten((hidden, weights)), flatten((hidden, cache))
    assert align(expected.tensors, actual.tensors) == [("0", "0")]
    assert compare_modules(expected, actual, Bound()).skipped == ("1", "1")
    assert align(expected.tensors, flatten((hidden, 2 * weights)).tensors) == [("0", "0"), ("1", "1")]


def test_the_first_tensor_and_named_ones_have_to_fit():
    assert not compare_modules(flatten((np.ones(3),)), flatten((np.ones(4),)), Bound()).matches
    named = ({"a": np.ones(2), "b": np.ones(3)}, {"a": np.ones(2), "b": np.ones(4)})
    assert not compare_modules(*map(flatten, named), Bound()).matches


def test_what_pytorch_repeats_along_an_axis_may_be_left_out():
    once = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    repeated = np.repeat(once[None], 3, axis=0)
    assert compare_modules(flatten(repeated), flatten(once), Bound()).matches
    assert compare_modules(flatten(once[None]), flatten(repeated), Bound()).matches
    assert np.array_equal(fit_layout(TensorValue(repeated, "float32"), once).array, once)
    assert not compare_modules(flatten(repeated), flatten(once + 1), Bound()).matches
    repeated[1, 0, 0] += 1
    assert not compare_modules(flatten(repeated), flatten(once), Bound()).matches
    assert not compare_modules(flatten(np.full((3, 4), 2.0)), flatten(np.full((1,), 2.0)), Bound()).matches
