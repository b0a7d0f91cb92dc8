"""One mask for all layers, or one for each kind of layer: what transformers makes of the same configuration."""

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import LlamaConfig, masking_utils

from porter.runtime.attention.masks_of_layers import create_masks_for_generate

FIELDS = {
    "plain": {},
    "window": {"sliding_window": 3},
    "chunks": {"attention_chunk_size": 3},
    "kinds": {
        "sliding_window": 3,
        "attention_chunk_size": 2,
        "layer_types": ["full_attention", "sliding_attention", "chunked_attention", "linear_attention"],
    },
    "two kinds in a layer": {"layer_types": ["hybrid"]},
    "a window beside two kinds": {"sliding_window": 3, "layer_types": ["hybrid_sliding", "sliding_attention"]},
    "an unknown kind": {"layer_types": ["full_attention", "of_its_own"]},
}
PADDED = np.array([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]])


def config(fields):
    made = LlamaConfig(num_hidden_layers=2, attn_implementation="eager")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("positions", [False, True])
def test_masks_of_every_kind_of_layer(kind, positions):
    embeds, blocks = np.zeros((2, 7, 4), np.float32), np.array([[-1, 0, 0, -1, 1, 1, -1]] * 2)
    more = {"block_sequence_ids": blocks} if kind != "two kinds in a layer" else {}
    if positions:
        more["position_ids"] = np.broadcast_to(np.arange(7), (2, 7)).copy()
    made = config(FIELDS[kind])
    tensors = [{key: of(value) for key, value in more.items()} for of in (torch.tensor, tf.constant)]
    expected = masking_utils.create_masks_for_generate(
        made, torch.tensor(embeds), torch.tensor(PADDED), None, **tensors[0]
    )
    found = create_masks_for_generate(made, tf.constant(embeds), tf.constant(PADDED), None, **tensors[1])
    if not isinstance(expected, dict):
        expected, found = {"": expected}, {"": found}
    assert set(found) == set(expected)
    for name, mask in expected.items():
        np.testing.assert_array_equal(found[name], mask, err_msg=name)
