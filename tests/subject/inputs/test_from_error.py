import pytest
import torch
from torch import nn

from porter.subject.case import InputSpec
from porter.subject.inputs.from_error import corrected

NORMAL = {"kind": "normal", "std": 1.0}


def error_of(layer, *shape):
    with pytest.raises(RuntimeError) as raised:
        layer(torch.zeros(shape))
    return raised.value


def shapes(error, *shape):
    specs = InputSpec("input_ids", (2, 7), "int64", NORMAL), InputSpec("features", shape, "float32", NORMAL)
    return [found[1].shape for found in corrected(specs, error)]


@pytest.mark.parametrize("layer", [nn.Linear(12, 3), nn.LayerNorm(12)])
def test_the_last_axis_becomes_what_the_layer_takes(layer):
    assert shapes(error_of(layer, 2, 20, 80), 2, 20, 80) == [(2, 20, 12)]


def test_a_layer_behind_others_names_a_proportion():
    assert shapes(error_of(nn.Linear(1024, 3), 2, 5, 640), 2, 20, 80) == [(2, 20, 128)]


def test_channels():
    assert shapes(error_of(nn.Conv2d(4, 3, 3), 2, 3, 8, 8), 2, 3, 8, 8) == [(2, 4, 8, 8)]


def test_a_sound_without_an_axis_for_channels():
    assert shapes(error_of(nn.Conv1d(1, 3, 3), 2, 320), 2, 320) == [(2, 1, 320)]


def test_parts_of_images_as_many_as_the_model_splits_off():
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(6, 2).split([5, 5, 5])
    assert shapes(raised.value, 3, 2, 3, 4, 4) == [(3, 5, 3, 4, 4)]
    assert shapes(raised.value, 2, 2, 3, 4, 4) == shapes(raised.value, 6, 3, 4, 4) == []


def test_other_errors_correct_nothing():
    assert shapes(ValueError("no"), 2, 20, 80) == []
    assert shapes(error_of(nn.Linear(10**6, 3), 2, 20, 80), 2, 20, 80) == []


def test_the_other_inputs_stay():
    specs = InputSpec("input_ids", (2, 7), "int64", NORMAL), InputSpec("features", (2, 20, 80), "float32", NORMAL)
    (found,) = corrected(specs, error_of(nn.Linear(12, 3), 2, 20, 80))
    assert found[0] == specs[0]
