"""PyTorch's own attention and transformers."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from porter.runtime import (
    MultiheadAttention,
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from tests.runtime.layers.twins import assert_twins, copy_weights, floats, strong

pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors"),
]
PADDING = np.array([[False, False, False, True, True], [False] * 5])
CAUSAL = np.triu(np.full((5, 5), -np.inf, np.float32), 1)


@pytest.mark.parametrize(
    ("made", "sizes"),
    [({}, (4, 4)), ({"batch_first": True, "bias": False}, (4, 4)), ({"kdim": 6, "vdim": 3}, (6, 3)),
     ({"add_bias_kv": True, "add_zero_attn": True}, (4, 4)),
     ({"batch_first": True, "kdim": 6, "vdim": 3, "add_bias_kv": True}, (6, 3))],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("called", [{}, {"average_attn_weights": False}, {"need_weights": False}], ids=str)
def test_attention(made, sizes, called):
    inputs = [floats(5, 5, 4), floats(5, 5, sizes[0], seed=1), floats(5, 5, sizes[1], seed=2)]
    padding = np.repeat(PADDING, [3, 2], axis=0)
    assert_twins(nn.MultiheadAttention(4, 2, **made), MultiheadAttention(4, 2, **made), inputs,
                 key_padding_mask=padding, attn_mask=np.isinf(CAUSAL), **called)  # fmt: skip


def test_attention_of_one_row():
    inputs = [floats(5, 4), floats(3, 4, seed=1), floats(3, 4, seed=2)]
    assert_twins(nn.MultiheadAttention(4, 2), MultiheadAttention(4, 2), inputs)


def test_attention_with_a_mask_for_each_head():
    x = floats(2, 5, 4)
    mask = np.repeat(CAUSAL[None], 4, axis=0)
    assert_twins(
        nn.MultiheadAttention(4, 2, batch_first=True),
        MultiheadAttention(4, 2, batch_first=True),
        [x, x, x],
        attn_mask=mask,
    )


BLOCKS = [{}, {"batch_first": True, "norm_first": True}, {"activation": "gelu", "batch_first": True}, {"bias": False}]


@pytest.mark.parametrize("options", BLOCKS, ids=str)
def test_encoder_layers(options):
    sizes = {"d_model": 4, "nhead": 2, "dim_feedforward": 8, **options}
    theirs, ours = nn.TransformerEncoderLayer(**sizes), TransformerEncoderLayer(**sizes)
    assert_twins(theirs, ours, [floats(5, 5, 4)], src_mask=CAUSAL)


@pytest.mark.parametrize("options", BLOCKS, ids=str)
def test_decoder_layers(options):
    sizes = {"d_model": 4, "nhead": 2, "dim_feedforward": 8, **options}
    theirs, ours = nn.TransformerDecoderLayer(**sizes), TransformerDecoderLayer(**sizes)
    assert_twins(theirs, ours, [floats(5, 5, 4), floats(5, 5, 4, seed=1)], tgt_mask=CAUSAL)


def test_stacks():
    sizes = {"d_model": 4, "nhead": 2, "dim_feedforward": 8, "batch_first": True}
    theirs = nn.TransformerEncoder(nn.TransformerEncoderLayer(**sizes), 2, norm=nn.LayerNorm(4))
    norm = keras.layers.LayerNormalization(epsilon=1e-5, name="norm")
    ours = TransformerEncoder(TransformerEncoderLayer(**sizes), 2, norm=norm)
    assert_twins(theirs, ours, [floats(2, 5, 4)], mask=CAUSAL)
    theirs = nn.TransformerDecoder(nn.TransformerDecoderLayer(**sizes), 2)
    ours = TransformerDecoder(TransformerDecoderLayer(**sizes), 2)
    assert_twins(theirs, ours, [floats(2, 5, 4), floats(2, 3, 4, seed=1)], tgt_mask=CAUSAL)


@pytest.mark.parametrize("batch_first", [True, False])
def test_padding_is_left_out_where_pytorch_leaves_it_out(batch_first):
    sizes = {"d_model": 4, "nhead": 2, "dim_feedforward": 8, "batch_first": batch_first}
    theirs = strong(nn.TransformerEncoder(nn.TransformerEncoderLayer(**sizes), 2))
    ours = TransformerEncoder(TransformerEncoderLayer(**sizes), 2)
    ours.build(None)
    copy_weights(theirs, ours)
    x = floats(2, 5, 4) if batch_first else floats(5, 2, 4)
    for padding in (PADDING, PADDING[:, ::-1].copy()):
        with torch.no_grad():
            reference = theirs(torch.from_numpy(x), src_key_padding_mask=torch.from_numpy(padding)).numpy()
        np.testing.assert_allclose(ours(x, src_key_padding_mask=padding), reference, atol=1e-5)


def test_encoder_and_decoder():
    sizes = {"d_model": 4, "nhead": 2, "num_encoder_layers": 1, "num_decoder_layers": 2, "dim_feedforward": 8}
    inputs = [floats(5, 2, 4), floats(5, 2, 4, seed=1)]
    assert_twins(nn.Transformer(**sizes), Transformer(**sizes), inputs, tgt_mask=CAUSAL)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    np.testing.assert_array_equal(Transformer.generate_square_subsequent_mask(5), mask.numpy())
