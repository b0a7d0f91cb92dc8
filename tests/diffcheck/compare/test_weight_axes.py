"""In which order a variable has the axes of PyTorch's weight."""

import numpy as np

from diffcheck.compare.weight_axes import as_tensorflow, as_torch, axes_to_torch

SQUARE = np.arange(9.0).reshape(3, 3)
KERNEL = np.arange(24.0).reshape(2, 3, 4)


def test_a_known_order_is_taken_though_another_fits_the_numbers():
    assert np.array_equal(as_torch(SQUARE, SQUARE, (1, 0)), SQUARE.T)
    assert axes_to_torch(np.ones((3, 3)), np.ones((3, 3)), (1, 0)) == (1, 0)
    assert np.array_equal(as_torch(KERNEL.transpose(2, 0, 1), KERNEL, (2, 0, 1)), KERNEL)


def test_an_unknown_order_is_the_one_in_which_the_numbers_fit():
    assert np.array_equal(as_torch(SQUARE.T, SQUARE), SQUARE)
    assert np.array_equal(as_torch(KERNEL.transpose(2, 1, 0), KERNEL), KERNEL)
    assert as_torch(SQUARE[:, None], SQUARE).shape == (3, 3)


def test_what_fits_in_no_order_keeps_its_shape():
    assert as_torch(np.ones((4, 5)), SQUARE).shape == (4, 5)


def test_a_variable_may_hold_the_weight_in_the_known_order_only():
    (only,) = as_tensorflow(SQUARE, (3, 3), (0, 1))
    assert np.array_equal(only, SQUARE)
    first, second = as_tensorflow(SQUARE, (3, 3))
    assert np.array_equal(first, SQUARE.T) and np.array_equal(second, SQUARE)
    assert [found.shape for found in as_tensorflow(KERNEL, (4, 3, 2), (0, 1, 2))] == [(4, 3, 2)]
