"""What fresh layers start from, against fresh layers of PyTorch."""

import keras
import numpy as np
import pytest
import torch
from transformers.pytorch_utils import Conv1D as TransformersConv1D

from porter.runtime import (
    GRU,
    LSTM,
    BatchNorm,
    Bilinear,
    Conv1D,
    Conv2D,
    Conv2DTranspose,
    Embedding,
    EmbeddingBag,
    LayerNorm,
    MultiheadAttention,
    PReLU,
    TFConv1D,
    Transformer,
    weight_norm,
)
from porter.runtime.model.layer_defaults import is_filled_by_torch, reset_parameters
from porter.runtime.model.names import named_variables


def normed(layer):
    return torch.nn.utils.parametrizations.weight_norm(layer, dim=2)


PAIRS = {
    "linear": (lambda: torch.nn.Linear(90, 50), lambda: keras.layers.Dense(50), (None, 90)),
    "conv": (lambda: torch.nn.Conv2d(8, 12, 3, groups=2), lambda: Conv2D(12, 3, groups=2), (None, 8, None, None)),
    "transposed": (lambda: torch.nn.ConvTranspose2d(8, 24, 3), lambda: Conv2DTranspose(24, 3), (None, 8, None, None)),
    "weight_norm": (
        lambda: normed(torch.nn.Conv1d(24, 16, 5)),
        lambda: weight_norm(Conv1D(16, 5), dim=2),
        (None, 24, None),
    ),
    "conv1d_of_transformers": (lambda: TransformersConv1D(40, 60), lambda: TFConv1D(40, 60), None),
    "embedding": (lambda: torch.nn.Embedding(60, 40), lambda: keras.layers.Embedding(60, 40), None),
    "padded": (
        lambda: torch.nn.Embedding(60, 40, padding_idx=3),
        lambda: Embedding(60, 40, padding_idx=3),
        None,
    ),
    "bag": (lambda: torch.nn.EmbeddingBag(60, 40), lambda: EmbeddingBag(60, 40), None),
    "layer_norm": (lambda: torch.nn.LayerNorm(6), lambda: LayerNorm(6), (None, 6)),
    "batch_norm": (lambda: torch.nn.BatchNorm1d(6), lambda: BatchNorm(6), (None, 6)),
    "lstm": (lambda: torch.nn.LSTM(20, 30), lambda: LSTM(20, 30), None),
    "gru": (lambda: torch.nn.GRU(20, 30, bidirectional=True), lambda: GRU(20, 30, bidirectional=True), None),
    "attention": (
        lambda: torch.nn.MultiheadAttention(32, 4, kdim=16, add_bias_kv=True),
        lambda: MultiheadAttention(32, 4, kdim=16, add_bias_kv=True),
        None,
    ),
    "bilinear": (lambda: torch.nn.Bilinear(20, 10, 30), lambda: Bilinear(20, 10, 30), None),
    "prelu": (lambda: torch.nn.PReLU(3, 0.5), lambda: PReLU(3, 0.5), None),
}


@pytest.mark.parametrize("name", PAIRS)
def test_as_pytorchs_layer(name):
    """Constants exactly; of 20 fresh layers mean and deviation within six standard errors."""
    make_torch, make_keras, shape = PAIRS[name]
    torch.manual_seed(0)
    keras.utils.set_random_seed(0)
    expected = [{key: value.detach().numpy() for key, value in make_torch().state_dict().items()} for _ in range(20)]
    layer = make_keras()
    layer.build(shape)
    for variable in layer.variables:
        if variable.dtype != "int64":
            variable.assign(np.full(variable.shape, 9.0))
    found = []
    for _ in range(20):
        reset_parameters(layer)
        for each in ("out_proj",):
            if hasattr(layer, each):
                reset_parameters(getattr(layer, each))
                getattr(layer, each).bias.assign(np.zeros(32))
        entries = named_variables(layer).items()
        found.append({key: entry.layout.to_torch(entry.variable.numpy()) for key, entry in entries})
    names = set(expected[0]) - {"num_batches_tracked"}
    assert names <= set(found[0])
    for key in names:
        drawn, wanted = (np.stack([each[key] for each in side]).astype(float) for side in (found, expected))
        assert drawn.shape == wanted.shape
        if wanted.std() == 0:
            np.testing.assert_array_equal(drawn, wanted)
            continue
        assert abs(drawn.mean() - wanted.mean()) < 6 * np.sqrt(2 / wanted.size) * wanted.std(), key
        assert drawn.std() == pytest.approx(wanted.std(), rel=6 / np.sqrt(wanted.size)), key
        np.testing.assert_array_equal(drawn.std(axis=(0, -1)) == 0, wanted.std(axis=(0, -1)) == 0)


def test_a_transformer_draws_its_matrices_anew():
    layer = Transformer(16, 2, 1, 1, 32)
    layer.build(None)
    reset_parameters(layer)
    weight = layer.encoder.layers[0].linear1.kernel.numpy()
    assert np.abs(weight).max() <= np.sqrt(6 / 48)
    assert np.abs(weight).max() > 0.9 * np.sqrt(6 / 48)


def test_a_layer_with_a_way_of_its_own():
    class Ones(keras.layers.Dense):
        def reset_parameters(self):
            self.kernel.assign(np.ones(self.kernel.shape))

    layer = Ones(2)
    layer.build((None, 3))
    reset_parameters(layer)
    assert (layer.kernel.numpy() == 1).all()


def test_what_has_no_weights_is_left_alone():
    layer = keras.layers.Dropout(0.1)
    assert not is_filled_by_torch(layer)
    reset_parameters(layer)
