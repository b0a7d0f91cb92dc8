"""Layers that carry the layouts of their weights."""

import keras
import numpy as np
import pytest

from porter.runtime import laid_out
from porter.runtime.model.names import own_variables


def test_a_layer_tells_how_its_weights_lie_before_its_class_does():
    layer = laid_out(keras.layers.Dense(3), {"w": "kernel: i o -> i o", "bias": "bias"})
    layer.build((None, 4))
    found = {parameter: layout for parameter, layout, _, _ in own_variables(layer)}
    assert set(found) == {"w", "bias"}
    assert found["w"].to_keras(np.ones((4, 3))).shape == (4, 3)
    other = keras.layers.Dense(3)
    other.build((None, 4))
    assert [parameter for parameter, *_ in own_variables(other)] == ["weight", "bias"]


def test_axes_that_one_side_lacks_are_refused():
    with pytest.raises(ValueError, match="same axes"):
        laid_out(keras.layers.Dense(3), {"weight": "kernel: o i -> i"})
