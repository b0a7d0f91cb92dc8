import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers.activations import ACT2CLS, ACT2FN

from porter.runtime.ops.activations import ACTIVATIONS, get_tf_activation, leaky_relu
from tests.runtime.compare import assert_matches

WITH_WEIGHTS = {"prelu", "xielu"}
X = np.concatenate([np.linspace(-12, 12, 501), [0.0, -0.0, 1e-8, 30.0, -30.0]])


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize(("dtype", "bound"), [("float32", 1e-6), ("float64", 1e-12)])
def test_activation_is_that_of_transformers(name, dtype, bound):
    x = X.astype(dtype)
    expected = ACT2FN[name](torch.tensor(x))
    found = get_tf_activation(name)(tf.constant(x))
    assert found.dtype == dtype
    assert_matches(found, expected, bound=5e-9 if name == "mish" and dtype == "float64" else bound)


def test_every_activation_without_weights_is_there():
    assert set(ACTIVATIONS) == set(ACT2CLS) - WITH_WEIGHTS


def test_a_function_stands_for_itself():
    assert get_tf_activation(leaky_relu) is leaky_relu


def test_an_unknown_name_is_refused():
    with pytest.raises(KeyError, match="gleu"):
        get_tf_activation("gleu")
