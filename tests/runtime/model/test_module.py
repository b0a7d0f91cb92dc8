"""Ported plain modules: inputs by name, PyTorch's weights, saving."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import TFModule
from porter.runtime.stored.tensor_source import CheckpointError


@dataclass
class Sizes:
    width: int = 3


class TFAdd(keras.layers.Layer):
    def call(self, x, y):
        return x + y


class TFTwo(TFModule):
    def __init__(self, sizes, add=TFAdd, **kwargs):
        super().__init__(**kwargs)
        self.sizes = sizes
        self.dense = keras.layers.Dense(sizes.width, name="dense")
        self.add = add(name="add")

    def call(self, x, ids=None):
        x = self.dense(x)
        return x if ids is None else self.add(x, tf.cast(ids, x.dtype))

    def build(self, input_shape=None):
        if self.built:
            return
        self.dense.build((None, 4))


STATE = {"dense.weight": torch.arange(12.0).reshape(3, 4), "dense.bias": torch.ones(3)}


@pytest.fixture
def model():
    return TFTwo(Sizes(3))


def test_inputs_by_position_by_name_and_in_a_mapping(model):
    x, ids = np.ones((2, 4), np.float32), np.ones((2, 3), np.int32)
    expected = model(x, ids)
    np.testing.assert_array_equal(model(x=x, ids=ids), expected)
    np.testing.assert_array_equal(model({"x": x, "ids": ids}), expected)


@pytest.mark.parametrize("name", ["state.pt", "state.safetensors"])
def test_weights_of_pytorch(model, tmp_path, name):
    if name.endswith(".pt"):
        torch.save(STATE, tmp_path / name)
    else:
        from safetensors.torch import save_file

        save_file(STATE, tmp_path / name)
    info = model.load_torch_weights(tmp_path / name)
    assert not any(info.to_dict().values())
    np.testing.assert_array_equal(model.dense.kernel, STATE["dense.weight"].numpy().T)


def test_a_wrappers_prefix_is_left_out_and_said(model, tmp_path, caplog):
    torch.save({f"module.{name}": value for name, value in STATE.items()}, tmp_path / "state.pt")
    model.load_torch_weights(tmp_path / "state.pt")
    assert "'module.'" in caplog.text
    np.testing.assert_array_equal(model.dense.bias, [1, 1, 1])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"dense.bias": None}, "dense.bias is missing"), ({"more": torch.ones(1)}, "more has no place"),
     ({"dense.weight": torch.ones(4, 4)}, r"shape \[4, 4\]")],
)  # fmt: skip
def test_weights_that_do_not_fit(model, tmp_path, change, sentence):
    torch.save({k: v for k, v in {**STATE, **change}.items() if v is not None}, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=sentence):
        model.load_torch_weights(tmp_path / "state.pt")


def test_no_file(model, tmp_path):
    with pytest.raises(CheckpointError, match="There is no file"):
        model.load_torch_weights(tmp_path / "nothing.pt")


def test_saved_and_loaded_by_keras(model, tmp_path):
    x = np.ones((2, 4), np.float32)
    expected = model(x)
    model.save(tmp_path / "two.keras")
    again = keras.saving.load_model(tmp_path / "two.keras")
    assert again.sizes == Sizes(3)
    np.testing.assert_array_equal(again(x), expected)
