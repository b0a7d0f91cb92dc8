"""Every layer card's cases: the constructor that comes out, and that the layer computes what PyTorch's does."""

import math
from collections import OrderedDict

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import porter.runtime
from porter.rulebook import Card, all_cards
from porter.runtime.stored.layouts import layouts_of
from tests.rules.samples import samples
from tests.rules.snippets import build_shape, rewritten, torch_names

CASES = [pytest.param(found, torch_text, tf_text, id=torch_text) for found in all_cards()
         for torch_text, tf_text in found.cases.items()]  # fmt: skip
INPUTS = {
    "PReLU(4": "g",
    **dict.fromkeys(("LayerNorm", "RMSNorm", "Conv1D"), "x"),
    "Embedding": "i",
    **dict.fromkeys(("Pixel", "Upsample", "Unfold"), "g"),
    "1d": "h",
    "2d": "g",
    "3d": "cube",
    **dict.fromkeys(("Norm(", "Sync", "Shuffle", "Unflatten(1"), "g"),
    "nn.Fold": "columns",
}
"""Part of a constructor's text -> the sample it gets; the first that fits counts."""
SEVERAL = {
    "Bilinear(": "w, w",
    "MarginRankingLoss": "v2, v3f, signs",
    "HingeEmbeddingLoss": "v2, signs",
    "MultiLabelSoftMarginLoss": "v, a3",
    "SoftMarginLoss": "v2, signs",
    "CosineEmbeddingLoss": "w, w, signs",
    "MultiMarginLoss": "v, rows_i",
    "PairwiseDistance": "x, y",
    "TripletMarginLoss": "v, a3, b3",
    "PoissonNLLLoss": "x, i2",
    "GaussianNLLLoss": "x, y, u",
}
"""The same of layers that take several inputs."""


@pytest.mark.parametrize(("found", "torch_text", "tf_text"), CASES)
def test_a_constructor_becomes_its_text(found: Card, torch_text: str, tf_text: str) -> None:
    assert rewritten(torch_text) == tf_text


@pytest.mark.parametrize(("found", "torch_text", "tf_text"), CASES)
def test_a_layer_computes_what_pytorch_computes(found: Card, torch_text: str, tf_text: str) -> None:
    if found.file in ("losses.py", "cards_attention.py", "cards_recurrent.py") or "CosineS" in torch_text:
        pytest.skip("compared in a test of its own")
    if "MaxUnpool" in torch_text:
        pytest.skip("calls the function that is compared with PyTorch's as a rule")
    torch.manual_seed(3)
    theirs = eval(torch_text, torch_names()).eval()
    ours = eval(tf_text, _names())
    shape = build_shape(torch_text)
    several = next((names for part, names in SEVERAL.items() if part in torch_text), _input_of(torch_text))
    given = [samples()[name] for name in several.split(", ")]
    sample = given[0]
    if shape is not None:
        ours.build(eval(shape))
    elif not isinstance(ours, keras.layers.Layer):
        pass  # activations of porter.runtime are functions
    else:
        ours.build(sample.shape)
    _copy(theirs, ours)
    with torch.no_grad():
        reference = theirs(*map(torch.from_numpy, given)).numpy()
    _assert_close(ours(*map(tf.constant, given)), reference)
    if len(given) > 1:
        return
    known = sample.shape[-1] if "LayerNorm" in torch_text or "Conv1D(3" in torch_text else None
    sizes = sample.shape if "Unfold" in torch_text else [*[None] * (sample.ndim - 1), known]
    spec = tf.TensorSpec(sizes, sample.dtype)
    if "Flatten" not in torch_text:
        _assert_close(tf.function(ours, input_signature=[spec])(tf.constant(sample)), reference)


@pytest.mark.parametrize("text", ["nn.BatchNorm2d(4)", "nn.BatchNorm2d(4, eps=1e-3, momentum=0.01)"])
def test_batch_norm_learns_the_statistics_that_pytorch_learns(text: str) -> None:
    theirs = eval(text, torch_names()).train()
    ours = eval(rewritten(text), _names())
    ours.build((None, 4, None, None))
    sample = samples()["g"]
    reference = theirs(torch.from_numpy(sample)).detach().numpy()
    _assert_close(ours(tf.constant(sample), training=True), reference)
    _assert_close(ours.moving_mean, theirs.running_mean.numpy())
    _assert_close(ours.moving_variance, theirs.running_var.numpy())


def test_every_card_has_a_case() -> None:
    assert [found.signatures[0].name for found in all_cards() if not found.cases] == []


def _names() -> dict[str, object]:
    runtime = {name: getattr(porter.runtime, name) for name in porter.runtime.EXPORTED}
    return {**runtime, "keras": keras, "tf": tf, "np": np, "math": math, "mode": "tanh", "OrderedDict": OrderedDict}


def _input_of(text: str) -> str:
    return next((name for part, name in INPUTS.items() if part in text), "x")


def _copy(theirs: torch.nn.Module, ours: keras.layers.Layer) -> None:
    """The weights by the table of layouts."""
    if isinstance(theirs, torch.nn.Sequential):
        for member, own in zip(theirs, ours, strict=True):
            _copy(member, own)
        return
    layouts = layouts_of(type(ours))
    for name, value in theirs.state_dict().items():
        layout = layouts.get(name)
        variable = getattr(ours, layout.variable if layout is not None else name)
        variable.assign(layout.to_keras(value.numpy()) if layout is not None else value.numpy())


def _assert_close(actual: object, reference: np.ndarray) -> None:
    found = np.asarray(actual)
    assert found.shape == reference.shape
    np.testing.assert_allclose(found, reference, rtol=0, atol=1e-5 * max(1.0, float(np.abs(reference).max())))
