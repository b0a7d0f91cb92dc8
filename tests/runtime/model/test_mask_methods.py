"""Masks as transformers 4's base class made them; the numbers are worked out by hand."""

from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from porter.runtime.model.mask_methods import MaskMethods

LOWEST = np.float32(tf.float32.min)


class Model(MaskMethods):
    compute_dtype = "float32"

    def __init__(self, is_decoder=False):
        self.config = SimpleNamespace(is_decoder=is_decoder)


def test_padding_is_hidden_from_all_queries():
    mask = Model().get_extended_attention_mask(tf.constant([[1, 1, 0]]), (1, 3))
    np.testing.assert_array_equal(mask, [[[[0, 0, LOWEST]]]])


def test_a_decoder_sees_what_its_cache_holds_and_nothing_later():
    mask = Model(is_decoder=True).get_extended_attention_mask(tf.constant([[1, 1, 1]]), (1, 2))
    np.testing.assert_array_equal(mask, [[[[0, 0, LOWEST], [0, 0, 0]]]])


def test_a_mask_for_each_query_is_taken_as_it_is():
    mask = Model(is_decoder=True).get_extended_attention_mask(tf.constant([[[1, 1], [0, 1]]]), (1, 2))
    np.testing.assert_array_equal(mask, [[[[0, 0], [LOWEST, 0]]]])


def test_positions_of_an_encoder():
    mask = Model(is_decoder=True).invert_attention_mask(tf.constant([[0, 1]]))
    np.testing.assert_array_equal(mask, [[[[LOWEST, 0]]]])


def test_heads():
    assert Model().get_head_mask(None, 2) == [None, None]
    mask = Model().get_head_mask(tf.constant([1.0, 0.0]), 3)
    assert mask.shape == (3, 1, 2, 1, 1)
    np.testing.assert_array_equal(mask[2, 0, :, 0, 0], [1, 0])
    assert Model().get_head_mask(tf.ones((3, 2)), 3, is_attention_chunked=True).shape == (3, 1, 2, 1, 1, 1)
