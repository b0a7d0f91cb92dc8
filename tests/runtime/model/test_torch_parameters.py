import keras
import numpy as np

from porter.runtime import BatchNorm, Conv2D, Sequential, TiedDense
from porter.runtime.model import init
from porter.runtime.model.torch_parameters import (
    Parameter,
    apply,
    filling_only,
    modules,
    named_modules,
    named_parameters,
    parameter,
    parameters,
)


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(3)
        self.parts = Sequential([keras.layers.Dense(2, use_bias=False), BatchNorm(2)])
        self.table = np.arange(4)

    def build(self, input_shape=None):
        self.dense.build((None, 5))
        self.parts[0].build((None, 3))
        self.parts[1].build((None, 2))
        self.gain = self.add_weight(shape=(3,), name="gain")


def block():
    made = Block()
    made.build()
    return made


def test_a_weight_has_pytorchs_name_and_axes():
    layer = block()
    weight = parameter(layer.dense, "weight")
    assert (weight.shape, weight.ndim, weight.dtype.name) == ((3, 5), 2, "float32")
    np.testing.assert_array_equal(np.asarray(weight), layer.dense.kernel.numpy().T)
    assert weight[1].shape == (5,)
    np.testing.assert_array_equal(np.asarray(weight[1]), layer.dense.kernel.numpy()[:, 1])
    assert parameter(layer.parts[1], "running_var").shape == (2,)


def test_a_convolution_has_its_outputs_first():
    layer = Conv2D(6, (3, 5), groups=2)
    layer.build((None, 4, None, None))
    assert parameter(layer, "weight").shape == (6, 2, 3, 5)


def test_what_a_layer_does_not_have_is_none_and_a_constant_itself():
    layer = block()
    assert parameter(layer.parts[0], "bias") is None
    assert parameter(layer.dense, "scale") is None
    assert parameter(layer, "table") is layer.table
    assert isinstance(parameter(layer, "gain"), Parameter)


def test_written_to_in_place():
    layer = block()
    weight = parameter(layer.dense, "weight")
    init.ones_(weight)
    weight /= 2
    weight *= 3
    weight += 1
    weight -= 0.5
    weight[0] = 7
    np.testing.assert_array_equal(layer.dense.kernel.numpy(), [[7, 2, 2]] * 5)


def test_a_borrowed_weight_is_its_lenders_to_fill():
    embedding, dense = keras.layers.Embedding(7, 3), TiedDense(7)
    embedding.build(None)
    dense.borrow(embedding)
    dense.build((None, 3))
    weight = parameter(dense, "weight")
    assert weight.shape == (7, 3)
    init.zeros_(weight)
    assert embedding.embeddings.numpy().any()
    assert weight._is_hf_initialized


def test_only_some_are_filled():
    layer = block()
    before = layer.dense.kernel.numpy()
    with filling_only(frozenset({id(layer.dense.bias)})):
        for weight in parameters(layer):
            init.constant_(weight, 5)
    np.testing.assert_array_equal(layer.dense.kernel.numpy(), before)
    assert (layer.dense.bias.numpy() == 5).all()
    assert not parameter(layer.dense, "weight")._is_hf_initialized


def test_walks_have_pytorchs_names_and_order():
    layer = block()
    assert [name for name, _ in named_modules(layer)] == ["", "dense", "parts", "parts.0", "parts.1"]
    assert list(modules(layer))[1] is layer.dense
    names = [name for name, _ in named_parameters(layer)]
    assert names == ["gain", "dense.weight", "dense.bias", "parts.0.weight", "parts.1.weight", "parts.1.bias"]
    assert [name for name, _ in named_parameters(layer, recurse=False)] == ["gain"]
    assert len(list(parameters(layer))) == 6
    seen = []
    apply(layer, seen.append)
    assert seen == [layer.dense, layer.parts[0], layer.parts[1], layer.parts, layer]
