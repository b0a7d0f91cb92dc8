"""Masks of transformers 4's years are PyTorch's, with padding, caches and windows."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import (
    prepare_4d_attention_mask,
    prepare_4d_causal_attention_mask,
    prepare_4d_causal_attention_mask_for_sdpa,
)

PADDED = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1]])


def pytorchs(name, *arguments, **options):
    import transformers.modeling_attn_mask_utils as former

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return getattr(former, name)(*arguments, **options)


@pytest.mark.parametrize("length", [None, 4])
def test_padding(length):
    wanted = pytorchs("_prepare_4d_attention_mask", torch.from_numpy(PADDED), torch.float32, tgt_len=length)
    found = prepare_4d_attention_mask(tf.constant(PADDED), tf.float32, tgt_len=length)
    np.testing.assert_array_equal(found, np.broadcast_to(wanted.numpy(), found.shape))


@pytest.mark.parametrize("past", [0, 2])
@pytest.mark.parametrize("window", [None, 1, 3])
@pytest.mark.parametrize("masked", [False, True])
def test_decoders(past, window, masked):
    queries = 6 - past
    states = np.zeros((2, queries, 8), np.float32)
    mask = PADDED if masked else None
    wanted = pytorchs(
        "_prepare_4d_causal_attention_mask",
        torch.from_numpy(mask) if masked else None,
        (2, queries),
        torch.from_numpy(states),
        past,
        sliding_window=window,
    )
    given = tf.constant(mask) if masked else None
    for make in (prepare_4d_causal_attention_mask, prepare_4d_causal_attention_mask_for_sdpa):
        found = make(given, (2, queries), tf.constant(states), past, sliding_window=window)
        np.testing.assert_array_equal(found, np.broadcast_to(wanted.numpy(), found.shape))


def test_a_mask_with_four_axes():
    mask = np.tril(np.ones((2, 1, 3, 3), np.float32))
    states = np.zeros((2, 3, 8), np.float32)
    tensors = (torch.from_numpy(mask), (2, 3), torch.from_numpy(states), 0)
    wanted = pytorchs("_prepare_4d_causal_attention_mask", *tensors)
    given = (tf.constant(mask), (2, 3), tf.constant(states), 0)
    np.testing.assert_array_equal(prepare_4d_causal_attention_mask(*given), wanted.numpy())
    np.testing.assert_array_equal(prepare_4d_causal_attention_mask_for_sdpa(*given), mask)
