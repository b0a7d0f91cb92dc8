import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D as TransformersConv1D

from porter import runtime as layers
from porter.runtime.model.names import named_variables
from tests.runtime.compare import assert_matches

RANDOM = np.random.default_rng(0)


def copy_weights(module, layer):
    """Every weight of the PyTorch module, by name, into the built layer; none may be missing or left over."""
    state = {name: RANDOM.normal(size=t.shape) for name, t in module.state_dict().items() if t.is_floating_point()}
    state = {name: np.abs(array) + 0.5 if "var" in name else array for name, array in state.items()}
    module.load_state_dict({k: torch.tensor(v, dtype=torch.float32) for k, v in state.items()}, strict=False)
    named = named_variables(layer)
    assert set(named) == set(module.state_dict())
    for name, array in state.items():
        named[name].variable.assign(named[name].layout.to_keras(array))


def compare(module, layer, shape, gradient=True):
    """Same results eagerly and in a graph of unknown sizes, same gradient by the input."""
    layer.build((None, *shape[1:]))
    copy_weights(module.eval(), layer)
    x = RANDOM.normal(size=shape).astype("float32")
    tensor = torch.tensor(x, requires_grad=True)
    expected = module(tensor)
    expected.square().sum().backward()

    def call(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = layer(inputs)
            loss = tf.reduce_sum(tf.square(result))
        return result, tape.gradient(loss, inputs)

    unknown = [None, shape[1], *([None] * (len(shape) - 2))]
    graph = tf.function(call, input_signature=[tf.TensorSpec(unknown, tf.float32)])
    for function in (call, graph):
        found, by_input = function(tf.constant(x))
        assert_matches(found, expected)
        if gradient:
            assert_matches(by_input, tensor.grad)


SPACE = {1: (11,), 2: (9, 11), 3: (5, 6, 7)}
CONVOLUTIONS = [
    {},
    {"stride": 2, "padding": 1},
    {"padding": 2, "dilation": 2},
    {"bias": False, "padding": "same"},
    {"groups": 2},
    {"groups": 4, "padding": 1},
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 2, "padding_mode": "replicate"},
    {"padding": 1, "padding_mode": "circular"},
]
KERAS_NAMES = {"stride": "strides", "dilation": "dilation_rate", "bias": "use_bias"}


def keras_options(options):
    return {KERAS_NAMES.get(key, key): value for key, value in options.items()}


# Three axes only where the code differs from that for two.
IN_SPACE = [{"stride": 2, "padding": 1}, {"padding": 2, "dilation": 2}, {"groups": 4}]


@pytest.mark.parametrize(
    ("rank", "options"), [*itertools.product([1, 2], CONVOLUTIONS), *((3, options) for options in IN_SPACE)], ids=str
)
def test_convolution(rank, options):
    module = getattr(nn, f"Conv{rank}d")(4, 8, 3, **options)
    layer = getattr(layers, f"Conv{rank}D")(8, 3, **keras_options(options))
    compare(module, layer, (2, 4, *SPACE[rank]))


def test_convolution_with_sizes_for_each_axis():
    sizes = {"stride": (2, 1), "padding": (0, 2)}
    compare(nn.Conv2d(3, 4, (3, 2), **sizes), layers.Conv2D(4, (3, 2), **keras_options(sizes)), (2, 3, 9, 11))


def test_depthwise_convolution_with_unequal_strides():
    options = {"stride": (2, 1), "groups": 4}
    compare(nn.Conv2d(4, 4, 3, **options), layers.Conv2D(4, 3, **keras_options(options)), (2, 4, 9, 11))


@pytest.mark.parametrize("rank", [1, 2])
def test_depthwise_convolution_with_steps_and_dilation(rank):
    options = {"stride": 2, "dilation": 2, "groups": 4}
    module = getattr(nn, f"Conv{rank}d")(4, 8, 3, **options)
    layer = getattr(layers, f"Conv{rank}D")(8, 3, **keras_options(options))
    compare(module, layer, (2, 4, *SPACE[rank]))


TRANSPOSED = [
    {},
    {"stride": 2},
    {"stride": 3, "padding": 1, "output_padding": 2},
    {"stride": 2, "padding": 1, "dilation": 2},
    {"groups": 2, "bias": False},
]


@pytest.mark.parametrize(
    ("rank", "options"), [*itertools.product([1, 2], TRANSPOSED), (3, {"stride": 2, "padding": 1})], ids=str
)
def test_transposed_convolution(rank, options):
    module = getattr(nn, f"ConvTranspose{rank}d")(4, 6, 3, **options)
    layer = getattr(layers, f"Conv{rank}DTranspose")(6, 3, **keras_options(options))
    compare(module, layer, (2, 4, *SPACE[rank]))


MAX_POOLS = [{}, {"stride": 1, "padding": 1}, {"ceil_mode": True}, {"dilation": 2, "stride": 1}]
AVERAGE_POOLS = [
    {},
    {"padding": 1},
    {"padding": 1, "count_include_pad": False},
    {"ceil_mode": True},
    {"ceil_mode": True, "padding": 1},
    {"ceil_mode": True, "padding": 1, "count_include_pad": False},
]


@pytest.mark.parametrize(("rank", "options"), [*itertools.product([1, 2], MAX_POOLS), (3, {"padding": 1})], ids=str)
def test_max_pooling(rank, options):
    size = 3
    module = getattr(nn, f"MaxPool{rank}d")(size, **options)
    compare(module, getattr(layers, f"MaxPool{rank}D")(size, **options), (2, 3, *SPACE[rank]))


@pytest.mark.parametrize(
    ("rank", "options"), [*itertools.product([1, 2], AVERAGE_POOLS), (3, {"padding": 1, "ceil_mode": True})], ids=str
)
def test_average_pooling(rank, options):
    module = getattr(nn, f"AvgPool{rank}d")(2, **options)
    compare(module, getattr(layers, f"AvgPool{rank}D")(2, **options), (2, 3, *SPACE[rank]))


@pytest.mark.parametrize("size", [1, 3, 4])
@pytest.mark.parametrize("kind", ["Avg", "Max"])
@pytest.mark.parametrize("rank", [1, 2])
def test_adaptive_pooling(rank, kind, size):
    module = getattr(nn, f"Adaptive{kind}Pool{rank}d")(size)
    compare(module, getattr(layers, f"Adaptive{kind}Pool{rank}D")(size), (2, 3, *SPACE[rank]))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool"])
def test_one_row_without_a_batch_axis(rank, kind):
    sizes, keras_sizes = ((3, 4, 2), (4, 2)) if "Conv" in kind else ((2,), (2,))
    name = f"Conv{rank}DTranspose" if kind == "ConvTranspose" else f"{kind}{rank}D"
    module, layer = getattr(nn, f"{kind}{rank}d")(*sizes).eval(), getattr(layers, name)(*keras_sizes)
    row = RANDOM.normal(size=(3, *SPACE[rank])).astype("float32")
    layer.build((3, *SPACE[rank]))
    copy_weights(module, layer)
    for call in (layer, tf.function(layer, input_signature=[tf.TensorSpec([3] + [None] * rank, tf.float32)])):
        assert_matches(call(tf.constant(row)), module(torch.tensor(row)))


def test_adaptive_pooling_of_one_axis_only():
    compare(nn.AdaptiveAvgPool2d((None, 2)), layers.AdaptiveAvgPool2D((None, 2)), (2, 3, 9, 11))


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 4)])
def test_group_norm(shape, affine):
    compare(nn.GroupNorm(3, 6, affine=affine), layers.GroupNorm(3, affine=affine), shape)


@pytest.mark.parametrize(("rank", "shape"), [(1, (4, 6)), (1, (4, 6, 5)), (2, (4, 6, 5, 3)), (3, (2, 6, 3, 4, 5))])
def test_batch_norm(rank, shape):
    compare(getattr(nn, f"BatchNorm{rank}d")(6), layers.BatchNorm(6), shape)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_batch_norm_in_half_precision(policy, training):
    x = RANDOM.normal(size=(4, 6, 5, 3)).astype("float32")
    exact = layers.BatchNorm(6)(tf.constant(x), training=training)
    layer = layers.BatchNorm(6, dtype=policy)
    found = layer(tf.cast(x, layer.compute_dtype), training=training)
    assert found.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(found, tf.float32), exact, atol=0.05)


@pytest.mark.parametrize("momentum", [0.1, 0.3, None])
def test_batch_norm_in_training(momentum):
    module, layer = nn.BatchNorm2d(6, momentum=momentum), layers.BatchNorm(6, momentum=momentum)
    layer.build((None, 6, None, None))
    copy_weights(module, layer)
    for _ in range(3):
        x = RANDOM.normal(size=(4, 6, 5, 3)).astype("float32")
        assert_matches(layer(tf.constant(x), training=True), module(torch.tensor(x)))
    for name, entry in named_variables(layer).items():
        assert_matches(entry.variable.numpy(), module.state_dict()[name])


def test_transformers_conv1d():
    compare(TransformersConv1D(6, 4), layers.TFConv1D(6, 4), (2, 4, 4))


def test_sequential_names_members_by_index():
    module = nn.Sequential(nn.Conv1d(3, 4, 3), nn.GELU(), nn.Sequential(nn.Conv1d(4, 5, 2), nn.BatchNorm1d(5)))
    inner = layers.Sequential([layers.Conv1D(5, 2, name="some.0"), layers.BatchNorm(5)])
    layer = layers.Sequential([layers.Conv1D(4, 3, name="some.1"), keras.layers.Activation("gelu"), inner])
    compare(module, layer, (2, 3, 11))
    assert len(layer) == 3
    assert layer[2] is inner


def test_sequential_takes_functions():
    layer = layers.Sequential([keras.layers.Dense(4), tf.tanh, keras.layers.Dense(2)])
    layer.build((None, 3))
    assert layer(tf.ones((5, 3))).shape == (5, 2)
    assert set(named_variables(layer)) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_sequential_passes_training_on():
    layer = layers.Sequential([keras.layers.Dropout(0.5)])
    x = tf.ones((100, 10))
    assert_matches(layer(x), x)
    assert float(tf.reduce_min(layer(x, training=True))) == 0.0


def test_tied_dense_multiplies_with_the_embedding():
    embedding, dense = keras.layers.Embedding(7, 4), layers.TiedDense(7)
    dense.borrow(embedding)
    embedding.build()
    dense.build((None, None, 4))
    x = RANDOM.normal(size=(2, 3, 4)).astype("float32")
    assert_matches(dense(x), x @ embedding.embeddings.numpy().T + dense.bias.numpy())
    assert_matches(dense.kernel, embedding.embeddings.numpy().T)
    assert [variable.name for variable in dense.variables] == ["bias"]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(dense(x))
    assert tape.gradient(loss, embedding.embeddings.value) is not None


def test_tied_dense_is_dense_without_embedding():
    dense = layers.TiedDense(7)
    dense.build((None, 4))
    x = RANDOM.normal(size=(2, 4)).astype("float32")
    assert_matches(dense(x), x @ dense.kernel.numpy())


def test_tied_dense_gives_its_kernel_up():
    embedding, dense = keras.layers.Embedding(7, 4), layers.TiedDense(7, use_bias=False)
    embedding.build()
    dense.build((None, 4))
    dense.borrow(embedding)
    assert dense.variables == []
    assert dense(tf.ones((2, 4))).shape == (2, 7)


def test_tied_dense_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="6 rows"):
        layers.TiedDense(7).borrow(keras.layers.Embedding(6, 4))
    dense = layers.TiedDense(7)
    dense.borrow(keras.layers.Embedding(7, 4))
    with pytest.raises(ValueError, match="gets 5 inputs"):
        dense.build((None, 5))


@pytest.mark.parametrize(("size", "options"), [(1, {"stride": 2}), (2, {"stride": 3, "padding": 1})])
@pytest.mark.parametrize("kind", ["MaxPool", "AvgPool"])
def test_steps_beyond_the_window(kind, size, options):
    module = getattr(nn, f"{kind}2d")(size, **options)
    compare(module, getattr(layers, f"{kind}2D")(size, **options), (2, 3, *SPACE[2]))


def test_dilated_windows_at_steps():
    options = {"stride": 2, "dilation": 2}
    compare(nn.MaxPool2d(2, **options), layers.MaxPool2D(2, **options), (2, 3, *SPACE[2]))
