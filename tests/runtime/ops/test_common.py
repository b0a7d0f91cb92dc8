"""Operations that no rule's case reaches."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers.image_processing_utils import select_best_resolution as theirs

from porter.runtime import (
    interpolate,
    pad,
    possibly,
    same_shape,
    select_best_resolution,
    surely,
    to_tensor,
    truncated_divide,
    windows,
)
from tests.runtime.compare import assert_matches

RESOLUTIONS = [(224, 448), (448, 224), (448, 448), (672, 224)]


@pytest.mark.parametrize("size", [(100, 100), (300, 200), (200, 600), (1000, 300), (448, 224)])
def test_the_best_resolution_is_transformers(size: tuple[int, int]) -> None:
    assert select_best_resolution(size, RESOLUTIONS) == theirs(size, RESOLUTIONS)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_windows_are_pytorchs(axis: int) -> None:
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    expected = torch.from_numpy(values).unfold(axis, 2, 1).numpy()
    np.testing.assert_array_equal(windows(tf.constant(values), 2, 1, axis=axis), expected)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(3, 4), (5, 13), (1, 1), (14, 2)])
def test_antialiased_images_are_pytorchs(mode: str, align_corners: bool, size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).normal(size=(2, 3, 7, 9)).astype(np.float32)
    options = {"size": size, "mode": mode, "align_corners": align_corners, "antialias": True}
    expected = torch.nn.functional.interpolate(torch.from_numpy(images), **options)
    assert_matches(interpolate(tf.constant(images), **options), expected)


@pytest.mark.parametrize("recompute", [None, True])
@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("scale", [0.6, 1.7, (0.5, 2.3)])
def test_images_scaled_by_a_factor_are_pytorchs(recompute: bool | None, mode: str, scale: object) -> None:
    images = np.random.default_rng(1).normal(size=(2, 3, 7, 9)).astype(np.float32)
    options = {"scale_factor": scale, "mode": mode, "recompute_scale_factor": recompute}
    expected = torch.nn.functional.interpolate(torch.from_numpy(images), **options)
    assert_matches(interpolate(tf.constant(images), **options), expected)


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


def test_pads_may_be_numbers_and_sizes_of_tensors():
    padded = pad(tf.ones((1, 2)), (0, tf.constant(1, tf.int64), 1, 0), value=3.0)
    assert padded.numpy().tolist() == [[3.0, 3.0, 3.0], [1.0, 1.0, 3.0]]


def test_sizes_are_divided_as_sizes():
    assert truncated_divide(7, 2) == 3
    assert truncated_divide(-7, 2) == -3


@pytest.mark.parametrize("data", [3, 0.5, True, [1, 2], [[0.5], [1.0]], [True, False], np.arange(3, dtype="int32")])
def test_numbers_become_the_tensors_that_pytorch_makes(data):
    expected = torch.tensor(data)
    found = to_tensor(data)
    assert found.dtype.name == str(expected.dtype).removeprefix("torch.")
    assert_matches(found, expected)


def test_a_tensor_keeps_its_dtype():
    assert to_tensor(tf.constant([1], tf.int32)).dtype == tf.int32
