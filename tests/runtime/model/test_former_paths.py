"""What porter wrote while constructors still named their layers: code and files of that time, which must go on."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from porter.runtime.model.names import named_variables
from tests.runtime.model.former.modeling_tf_former import TFFormerModel

FOLDER = Path(__file__).parent / "former"
INPUTS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(2, 2, 3)
OUTPUTS = [
    [[-0.937666118144989, 0.06556575745344162], [-0.8702778816223145, 0.40963026881217957]],
    [[-0.7154524922370911, -0.8198211789131165], [0.9256836175918579, -0.8128403425216675]],
]


def _matches(model):
    return np.abs(np.asarray(model(INPUTS)) - np.asarray(OUTPUTS)).max() < 1e-6


@pytest.mark.parametrize("file", ["tf_model.safetensors", "tf_model.h5"])
def test_weights_are_found_under_their_former_paths(file, tmp_path):
    for name in ("config.json", file):
        shutil.copyfile(FOLDER / name, tmp_path / name)
    model, info = TFFormerModel.from_pretrained(tmp_path, output_loading_info=True)
    assert info == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}
    assert _matches(model)


def test_a_former_keras_file_is_loaded():
    assert _matches(keras.saving.load_model(FOLDER / "model.keras"))


def test_paths_of_today_are_those_of_attributes(tmp_path):
    model = TFFormerModel.from_pretrained(FOLDER)
    paths = {name: entry.path for name, entry in named_variables(model).items()}
    assert paths["stages.0.1.dense.weight"] == "stages.0/1/dense/kernel"
    assert paths["output.0.bias"] == "output/0/bias"
    model.save_pretrained(tmp_path)
    assert _matches(TFFormerModel.from_pretrained(tmp_path))
