import numpy as np
import pytest
import tensorflow as tf
import torch

from porter.runtime import scaled_dot_product_attention
from tests.runtime.compare import assert_matches

QUERY = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32)
KEPT = np.array([[True, True, False], [False, False, False], [True, False, False]])


@pytest.mark.parametrize("mask", [KEPT, np.where(KEPT, 0.0, -np.inf).astype(np.float32)], ids=["bool", "float"])
def test_a_query_without_keys_gives_zeros(mask):
    x, masked = torch.tensor(QUERY), torch.tensor(mask)
    expected = torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=masked)
    variable = tf.Variable(QUERY)
    with tf.GradientTape() as tape:
        found = scaled_dot_product_attention(variable, variable, variable, attn_mask=tf.constant(mask))
    assert_matches(found, expected)
    assert np.abs(found[:, :, 1]).max() == 0
    assert np.isfinite(tape.gradient(found, variable)).all()
