"""Operations that no rule's case reaches."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers.image_processing_utils import select_best_resolution as theirs

from porter.runtime import possibly, same_shape, select_best_resolution, surely, windows

RESOLUTIONS = [(224, 448), (448, 224), (448, 448), (672, 224)]


@pytest.mark.parametrize("size", [(100, 100), (300, 200), (200, 600), (1000, 300), (448, 224)])
def test_the_best_resolution_is_transformers(size: tuple[int, int]) -> None:
    assert select_best_resolution(size, RESOLUTIONS) == theirs(size, RESOLUTIONS)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_windows_are_pytorchs(axis: int) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = torch.from_numpy(values).unfold(axis, 2, 1).numpy()
    np.testing.assert_array_equal(windows(tf.constant(values), 2, 1, axis=axis), expected)


def test_conditions_on_unknown_sizes_are_possible_but_not_sure() -> None:
    seen = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def graph(tensor: tf.Tensor) -> tf.Tensor:
        size = tf.shape(tensor)[0]
        seen.append(
            (surely(size > 1), possibly(size > 1), same_shape([size, 3], [2, 3]), same_shape([size, 3], [2, 4]))
        )
        return tensor

    graph(tf.zeros((2, 3)))
    assert seen == [(False, True, True, False)]
    assert (surely(2 > 1), surely(1 > 2), possibly(1 > 2)) == (True, False, False)
