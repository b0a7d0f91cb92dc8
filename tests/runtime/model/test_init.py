"""Fills against torch.nn.init: mean and standard deviation of what both draw, exact values elsewhere."""

import keras
import numpy as np
import pytest
import torch

from porter.runtime.model import init
from porter.runtime.model.torch_parameters import parameter
from porter.runtime.port_errors import WrongValue

DRAWN = {
    "normal_": {"mean": 0.1, "std": 0.3},
    "uniform_": {"a": -0.2, "b": 0.5},
    "trunc_normal_": {"mean": 0.1, "std": 1.0, "a": -0.5, "b": 1.0},
    "xavier_uniform_": {"gain": 2.0},
    "xavier_normal_": {},
    "kaiming_uniform_": {"a": 2.0},
    "kaiming_normal_": {"mode": "fan_out", "nonlinearity": "relu"},
    "orthogonal_": {"gain": 1.5},
}


@pytest.fixture
def dense():
    """240 inputs, 60 outputs: PyTorch's weight is (60, 240), Keras' kernel (240, 60)."""
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(60)
    layer.build((None, 240))
    return layer


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_as_pytorch_draws(dense, name):
    """Means within five standard errors, deviations within 3 % (14,400 numbers know theirs to 0.6 %)."""
    torch.manual_seed(0)
    expected = getattr(torch.nn.init, name)(torch.empty(60, 240), **DRAWN[name]).numpy()
    getattr(init, name)(parameter(dense, "weight"), **DRAWN[name])
    found = dense.kernel.numpy()
    assert abs(found.mean() - expected.mean()) < 5 * np.sqrt(2 / expected.size) * expected.std()
    assert found.std() == pytest.approx(expected.std(), rel=0.03)
    assert found.min() == pytest.approx(float(expected.min()), abs=0.6 * float(expected.std()))


@pytest.mark.parametrize("name", ["lecun_normal_", "default_flax_embed_init_"])
def test_drawn_as_transformers_draws(dense, name):
    from transformers import initialization

    torch.manual_seed(0)
    expected = getattr(initialization, name)(torch.empty(60, 240)).numpy()
    getattr(init, name)(parameter(dense, "weight"))
    assert dense.kernel.numpy().std() == pytest.approx(expected.std(), rel=0.03)


def test_rows_that_are_orthonormal(dense):
    init.orthogonal_(parameter(dense, "weight"))
    rows = dense.kernel.numpy().T
    np.testing.assert_allclose(rows @ rows.T, np.eye(60), atol=1e-5)


def test_exact_values(dense):
    weight = parameter(dense, "weight")
    for fill, value in ((init.ones_, 1), (init.zeros_, 0)):
        fill(weight)
        assert np.unique(dense.kernel.numpy()) == value
    init.constant_(weight, 0.25)
    assert np.unique(dense.kernel.numpy()) == 0.25
    numbers = np.arange(60 * 240, dtype="float32").reshape(60, 240)
    assert init.copy_(weight, numbers) is weight
    np.testing.assert_array_equal(dense.kernel.numpy(), numbers.T)
    init.eye_(weight)
    np.testing.assert_array_equal(dense.kernel.numpy(), np.eye(240, 60))


def test_a_part_is_filled_alone(dense):
    init.ones_(parameter(dense, "weight"))
    init.zeros_(parameter(dense, "weight")[3])
    assert dense.kernel.numpy()[:, 3].sum() == 0
    assert dense.kernel.numpy().sum() == 59 * 240


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_is_pytorchs(groups):
    variable = keras.Variable(np.ones((4, 3, 5), "float32"), name="weight")
    init.dirac_(variable, groups)
    np.testing.assert_array_equal(variable.numpy(), torch.nn.init.dirac_(torch.empty(4, 3, 5), groups).numpy())


def test_a_share_of_each_column_is_zero(dense):
    init.sparse_(parameter(dense, "weight"), 0.1, std=0.5)
    assert ((dense.kernel.numpy() == 0).sum(axis=1) == 6).all()


def test_gains_are_pytorchs():
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 2.0) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 2.0))
    with pytest.raises(WrongValue, match="no gain"):
        init.calculate_gain("step")


def test_constants_and_absent_weights_stay():
    constant = np.arange(3)
    assert init.zeros_(constant) is constant
    assert constant.tolist() == [0, 1, 2]
    assert init.kaiming_uniform_(None) is None


def test_a_vector_has_no_fans():
    with pytest.raises(WrongValue, match="no numbers of inputs"):
        init.xavier_uniform_(keras.Variable(np.zeros(3, "float32"), name="weight"))
