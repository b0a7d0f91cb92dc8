import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import LlamaConfig, cache_utils

from porter.runtime import caches
from porter.runtime.caches.cache_layers import DynamicSlidingWindowLayer
from porter.runtime.caches.structure import joined, split
from tests.runtime.compare import assert_matches

RANDOM = np.random.default_rng(0)


def config(*layer_types):
    made = LlamaConfig(num_hidden_layers=len(layer_types))
    made.sliding_window, made.layer_types = 4, list(layer_types)
    return made


def states(length, batch=2):
    return RANDOM.normal(size=(batch, 3, length, 5)).astype("float32")


def pair(kind, layer_types):
    options = {"max_cache_len": 12} if kind == "StaticCache" else {}
    made = config(*layer_types)
    return getattr(cache_utils, kind)(config=made, **options), getattr(caches, kind)(config=made, **options)


KINDS = [
    ("DynamicCache", ["full_attention", "full_attention"]),
    ("DynamicCache", ["full_attention", "sliding_attention"]),
    ("DynamicCache", ["dummy", "full_attention"]),
    ("StaticCache", ["full_attention", "full_attention"]),
]


def step(theirs, ours, length):
    for layer in range(len(ours)):
        if isinstance(ours.layers[layer], caches.DummyLayer):
            continue
        keys, values = states(length), states(length)
        expected = theirs.update(torch.tensor(keys), torch.tensor(values), layer)
        found = ours.update(tf.constant(keys), tf.constant(values), layer)
        for one, other in zip(found, expected, strict=True):
            assert_matches(one, other)


@pytest.mark.parametrize(("kind", "layer_types"), KINDS)
def test_steps(kind, layer_types):
    theirs, ours = pair(kind, layer_types)
    for length in (3, 1, 2, 1, 4):
        for layer in range(len(ours)):
            if layer_types[layer] != "dummy":
                assert ours.get_mask_sizes(length, layer) == theirs.get_mask_sizes(length, layer)
                assert ours.get_seq_length(layer) == theirs.get_seq_length(layer)
        step(theirs, ours, length)
        assert ours.get_seq_length() == theirs.get_seq_length()
    assert ours.is_sliding == theirs.is_sliding
    assert ours.is_dummy == theirs.is_dummy
    assert ours.is_compileable == theirs.is_compileable
    assert ours.get_max_length() == theirs.get_max_length()


@pytest.mark.parametrize(("kind", "layer_types"), KINDS)
def test_steps_in_one_graph(kind, layer_types):
    """From the second step on all steps have one form, so one graph of unknown lengths serves them."""
    theirs, ours = pair(kind, layer_types)
    traced = []

    @tf.function(reduce_retracing=True)
    def update(cache, new):
        traced.append(1)
        cache = cache.copy()
        attended = {}
        for layer, (keys, values) in new.items():
            sizes = cache.get_mask_sizes(tf.shape(keys, out_type=tf.int64)[2], int(layer))
            attended[layer] = (*cache.update(keys, values, int(layer)), *sizes)
        return attended, cache

    for length in (3, 1, 2, 1, 4, 1):
        layers = [index for index, kind in enumerate(layer_types) if kind != "dummy"]
        new = {str(index): (states(length), states(length)) for index in layers}
        found, ours = update(ours, {key: tuple(map(tf.constant, value)) for key, value in new.items()})
        for key, (keys, values) in new.items():
            expected_sizes = theirs.get_mask_sizes(length, int(key))
            expected = theirs.update(torch.tensor(keys), torch.tensor(values), int(key))
            for one, other in zip(found[key], (*expected, *expected_sizes), strict=True):
                assert_matches(one, np.asarray(other, "int64") if isinstance(other, int) else other)
        assert int(ours.get_seq_length(layers[0])) == theirs.get_seq_length(layers[0])
    assert len(traced) <= 4


def test_a_cache_without_config_grows_its_layers():
    ours = caches.DynamicCache()
    assert ours.get_seq_length() == 0
    assert ours.get_mask_sizes(3, 0) == (3, 0)
    assert len(ours) == 0
    ours.update(tf.constant(states(2)), tf.constant(states(2)), 1)
    assert len(ours) == 2
    assert ours.get_seq_length(1) == 2


def test_an_empty_cache_is_a_cache():
    assert caches.DynamicCache()


def changed(cache, method, argument):
    getattr(cache, method)(argument)
    return [(layer.keys, layer.values) for layer in cache.layers]


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("reorder_cache", [1, 0]),
        ("batch_select_indices", [1]),
        ("batch_repeat_interleave", 3),
        ("crop", -2),
        ("crop", 0),
    ],
)
def test_changes_of_all_layers(method, argument):
    theirs, ours = pair("DynamicCache", ["full_attention", "full_attention"])
    step(theirs, ours, 5)
    is_list = isinstance(argument, list)
    expected = changed(theirs, method, torch.tensor(argument) if is_list else argument)
    found = changed(ours, method, tf.constant(argument) if is_list else argument)
    for one, other in zip(found, expected, strict=True):
        assert_matches(one[0], other[0])
        assert_matches(one[1], other[1])
    assert ours.get_seq_length() == theirs.get_seq_length()


@pytest.mark.parametrize(("kind", "layer_types"), KINDS)
def test_reset_forgets(kind, layer_types):
    theirs, ours = pair(kind, layer_types)
    step(theirs, ours, 5)
    ours.reset()
    theirs.reset()
    step(theirs, ours, 3)
    assert ours.get_seq_length() == theirs.get_seq_length() == 3


def test_a_window_that_moved_on_cannot_be_cropped():
    theirs, ours = pair("DynamicCache", ["sliding_attention"])
    step(theirs, ours, 5)
    with pytest.raises(ValueError, match="sliding window"):
        ours.crop(-1)


def encoder_decoder():
    return (
        cache_utils.EncoderDecoderCache(cache_utils.DynamicCache(), cache_utils.DynamicCache()),
        caches.EncoderDecoderCache(caches.DynamicCache(), caches.DynamicCache()),
    )


def test_encoder_and_decoder():
    theirs, ours = encoder_decoder()
    step(theirs.self_attention_cache, ours.self_attention_cache, 0)
    for cache, tensor in ((theirs, torch.tensor), (ours, tf.constant)):
        assert not cache.is_updated.get(0)
        cache.self_attention_cache.update(tensor(np.ones((2, 3, 2, 5))), tensor(np.ones((2, 3, 2, 5))), 0)
        cache.cross_attention_cache.update(tensor(np.ones((2, 3, 7, 5))), tensor(np.ones((2, 3, 7, 5))), 0)
        cache.is_updated[0] = True
    assert ours.get_seq_length() == theirs.get_seq_length() == 2
    assert ours.get_mask_sizes(1, 0) == theirs.get_mask_sizes(1, 0)
    assert_matches(ours.cross_attention_cache.layers[0].keys, theirs.cross_attention_cache.layers[0].keys)

    returned = tf.function(lambda cache: cache.copy())(ours)
    assert returned.is_updated == {0: True}
    assert_matches(returned.self_attention_cache.layers[0].values, ours.self_attention_cache.layers[0].values)
    ours.reset()
    assert ours.is_updated == {0: False}


def test_encoder_decoder_cache_knows_what_it_was_made_of():
    whole = caches.DynamicCache([(tf.constant(states(2)), tf.constant(states(2)))])
    assert caches.EncoderDecoderCache(caches.DynamicCache(), whole).is_updated == {0: True}
    with pytest.raises(TypeError, match="two caches"):
        caches.EncoderDecoderCache(whole, None)


@pytest.mark.parametrize("lengths", [(6, 1, 1), (2, 1, 3), (4, 2)])
def test_convolutions_and_recurrences(lengths):
    theirs, ours = pair("DynamicCache", ["linear_attention", "full_attention"])
    assert ours.is_linear == theirs.is_linear == [True, False]
    for length in lengths:
        inputs = RANDOM.normal(size=(2, 5, length)).astype("float32")
        state = RANDOM.normal(size=(2, 3, 4)).astype("float32")
        assert ours.has_previous_state() == theirs.has_previous_state()
        before = ours.get_conv_state(0), theirs.get_conv_state(0)
        assert (before[0] is None) == (before[1] is None)
        expected = theirs.update_conv_state(torch.tensor(inputs), 0, conv_kernel_size=4)
        assert_matches(ours.update_conv_state(tf.constant(inputs), 0, conv_kernel_size=4), expected)
        theirs.update_recurrent_state(torch.tensor(state), 0)
        ours.update_recurrent_state(tf.constant(state), 0)
        assert_matches(ours.get_conv_state(0), theirs.get_conv_state(0))
        assert_matches(ours.get_recurrent_state(0), theirs.get_recurrent_state(0))
        theirs.get_conv_state(0).mul_(2)
        ours.keep_conv_state(ours.get_conv_state(0) * 2, 0)
        theirs.get_recurrent_state(0).add_(1)
        ours.keep_recurrent_state(ours.get_recurrent_state(0) + 1, 0)
        assert_matches(ours.get_conv_state(0), theirs.get_conv_state(0))
        assert_matches(ours.get_recurrent_state(0), theirs.get_recurrent_state(0))
    with pytest.raises(ValueError, match="DynamicLayer"):
        ours.get_conv_state(1)


def test_an_unknown_kind_of_layer_is_named():
    with pytest.raises(NotImplementedError, match="indexed_attention"):
        caches.StaticCache(config=config("indexed_attention"), max_cache_len=4)


def test_layers_with_an_index_remember_its_keys():
    theirs, ours = pair("DynamicCache", ["indexed_attention", "full_attention"])
    for length in (3, 1, 2):
        step(theirs, ours, length)
        keys = states(length)[:, 0]
        expected = theirs.update_indexer(torch.tensor(keys), 0)
        assert_matches(ours.update_indexer(tf.constant(keys), 0), expected)
    theirs.reorder_cache(torch.tensor([1, 0]))
    ours.reorder_cache(tf.constant([1, 0]))
    assert_matches(ours.layers[0].indexer_keys, theirs.layers[0].indexer_keys)
    ours.batch_repeat_interleave(2)
    assert ours.layers[0].indexer_keys.shape == (4, 6, 5)
    ours.crop(-2)
    assert ours.layers[0].indexer_keys.shape == (4, 4, 5)
    ours.reset()
    assert ours.layers[0].indexer_keys is None
    with pytest.raises(ValueError, match="not one with an index"):
        ours.update_indexer(tf.ones((1, 1, 1)), 1)


def test_tuples_of_keys_and_values_as_before_transformers_5():
    states = tf.ones((1, 2, 3, 4))
    cache = caches.DynamicCache.from_legacy_cache(((states, 2 * states), (states, states)))
    assert (len(cache), cache.get_seq_length(), cache.seen_tokens) == (2, 3, 3)
    assert cache.get_usable_length(5) == 3
    assert cache.get_max_cache_shape() is None
    (_, values), _ = cache.to_legacy_cache()
    np.testing.assert_array_equal(values, 2 * states)
    assert len(caches.DynamicCache.from_legacy_cache()) == 0
    both = caches.EncoderDecoderCache.from_legacy_cache(((states, states, 2 * states, 2 * states),))
    assert both.get_seq_length() == 3
    np.testing.assert_array_equal(both.to_legacy_cache()[0][2], 2 * states)


def test_a_cache_of_fixed_size_makes_room_for_what_comes():
    config = LlamaConfig(num_hidden_layers=1, hidden_size=8, num_attention_heads=2)
    cache = caches.StaticCache(config, max_cache_len=4)
    cache.update(tf.ones((1, 2, 3, 4)), tf.ones((1, 2, 3, 4)), 0, {"cache_position": tf.range(3)})
    assert int(cache.get_usable_length(1)) == 3
    assert int(cache.get_usable_length(2)) == 2


def test_the_form_of_a_cache_has_a_form_too():
    layer = DynamicSlidingWindowLayer(sliding_window=4)
    layer.update(tf.ones((1, 2, 3, 4)), tf.ones((1, 2, 3, 4)))
    tensors = []
    form = split(layer, tensors)
    specs = joined(form, iter(tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors))
    again = []
    assert split(specs, again) == form
    assert all(isinstance(each, tf.TensorSpec) for each in again)


def test_what_one_layer_shares_the_next_ones_find():
    class Shares(keras.layers.Layer):
        def call(self, x, shared=None):
            if "full" not in shared:
                shared["full"] = (x, x * 2)
            return x + shared["full"][1]

    first, second = Shares(), Shares()

    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def both(x):
        shared = caches.KVSharingDict(None)
        return second(first(x, shared=shared), shared=shared)

    np.testing.assert_array_equal(both(tf.ones((3, 2))), np.full((3, 2), 5.0))
