import itertools

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import LlamaConfig, masking_utils
from transformers import cache_utils as torch_caches

from porter.runtime import caches
from porter.runtime.attention import masks
from tests.runtime.compare import assert_matches

CAUSAL = ["create_causal_mask", "create_sliding_window_causal_mask", "create_chunked_causal_mask"]
BIDIRECTIONAL = ["create_bidirectional_mask", "create_bidirectional_sliding_window_mask"]
PADDING = {
    "none": None,
    "all ones": np.ones((2, 7), "int64"),
    "left": np.array([[0, 0, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1]]),
    "right": np.array([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0, 0]]),
}


def config(**kwargs):
    made = LlamaConfig(num_hidden_layers=2, attn_implementation="eager", **kwargs)
    made.sliding_window, made.attention_chunk_size = 3, 3
    return made


def both(name, padding, **kwargs):
    """PyTorch's mask and ours; `kwargs` are pairs (PyTorch's, ours) or plain values."""
    theirs = {key: value[0] if isinstance(value, tuple) else value for key, value in kwargs.items()}
    ours = {key: value[1] if isinstance(value, tuple) else value for key, value in kwargs.items()}
    torch_mask = None if padding is None else torch.tensor(padding)
    tf_mask = None if padding is None else tf.constant(padding)
    expected = getattr(masking_utils, name)(attention_mask=torch_mask, **theirs)
    return expected, getattr(masks, name)(attention_mask=tf_mask, **ours)


def embeds(length=7, dtype="float32"):
    array = np.zeros((2, length, 4), dtype)
    return torch.tensor(array), tf.constant(array)


def assert_same_mask(found, expected):
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("name", CAUSAL + BIDIRECTIONAL)
def test_without_cache(name, padding):
    extra = {"past_key_values": None} if name in CAUSAL else {}
    expected, found = both(name, PADDING[padding], config=config(), inputs_embeds=embeds(), **extra)
    assert_same_mask(found, expected)


@pytest.mark.parametrize("padding", ["none", "left", "right"])
@pytest.mark.parametrize(("name", "length"), list(itertools.product(CAUSAL + BIDIRECTIONAL, [1, 7])))
def test_graph_of_unknown_sizes(name, padding, length):
    array = PADDING[padding] if padding == "none" else PADDING[padding][:, :length]
    extra = {"past_key_values": None} if name in CAUSAL else {}
    theirs, ours = embeds(length)
    expected = getattr(masking_utils, name)(
        config=config(),
        inputs_embeds=theirs,
        attention_mask=None if array is None else torch.tensor(array),
        **extra,
    )
    specs = [tf.TensorSpec([None, None, 4], tf.float32), tf.TensorSpec([None, None], tf.int64)]
    if array is None:
        function = tf.function(
            lambda x: getattr(masks, name)(config=config(), inputs_embeds=x, attention_mask=None, **extra),
            input_signature=specs[:1],
        )
        found = function(ours)
    else:
        function = tf.function(
            lambda x, m: getattr(masks, name)(config=config(), inputs_embeds=x, attention_mask=m, **extra),
            input_signature=specs,
        )
        found = function(ours, tf.constant(array))
    if expected is None and found is not None:
        expected = torch.zeros((2, 1, length, length))
    assert_same_mask(found, expected)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_lowest_number_of_the_embeddings_type(dtype):
    expected, found = both(
        "create_causal_mask", None, config=config(), inputs_embeds=embeds(dtype=dtype), past_key_values=None
    )
    assert found.dtype == dtype
    assert_same_mask(found, expected)


POSITIONS = {
    "packed": np.array([[0, 1, 2, 0, 1, 2, 3], [0, 1, 2, 3, 4, 0, 1]]),
    "one row for all": np.array([[0, 1, 2, 3, 0, 1, 2]]),
    "one sequence": np.arange(7)[None],
}


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("name", CAUSAL)
def test_packed_sequences(name, positions):
    array = POSITIONS[positions]
    expected, found = both(
        name,
        None,
        config=config(),
        inputs_embeds=embeds(),
        past_key_values=None,
        position_ids=(torch.tensor(array), tf.constant(array)),
    )
    assert_same_mask(found, expected)


@pytest.mark.parametrize("name", CAUSAL)
def test_blocks_that_see_themselves(name):
    blocks = np.array([[-1, 0, 0, 0, -1, 1, 1], [0, 0, -1, -1, 2, 2, 2]])
    expected, found = both(
        name,
        PADDING["left"],
        config=config(),
        inputs_embeds=embeds(),
        past_key_values=None,
        block_sequence_ids=(torch.tensor(blocks), tf.constant(blocks)),
    )
    assert_same_mask(found, expected)


def every_third(batch, head, query, key):
    return key % 3 == 0


@pytest.mark.parametrize("argument", ["or_mask_function", "and_mask_function"])
@pytest.mark.parametrize("name", CAUSAL + BIDIRECTIONAL)
def test_own_patterns(name, argument):
    extra = {"past_key_values": None} if name in CAUSAL else {}
    options = {"config": config(), "inputs_embeds": embeds(), argument: every_third, **extra}
    expected, found = both(name, PADDING["right"], **options)
    assert_same_mask(found, expected)


def states(length):
    return np.zeros((2, 1, length, 4), "float32")


def filled(kind, steps):
    """The same cache in both frameworks after `steps` of the given lengths."""
    made = config()
    made.layer_types = ["full_attention", "sliding_attention"]
    if kind == "static":
        theirs, ours = torch_caches.StaticCache(made, max_cache_len=9), caches.StaticCache(made, max_cache_len=9)
    else:
        theirs, ours = torch_caches.DynamicCache(config=made), caches.DynamicCache(config=made)
    for length, layer in itertools.product(steps, range(2)):
        theirs.update(torch.tensor(states(length)), torch.tensor(states(length)), layer)
        ours.update(tf.constant(states(length)), tf.constant(states(length)), layer)
    return theirs, ours


@pytest.mark.parametrize("steps", [[], [2], [2, 1, 1], [6]])
@pytest.mark.parametrize("name", CAUSAL)
def test_after_steps_of_a_dynamic_cache(name, steps):
    past, new = sum(steps), 3
    padding = np.ones((2, past + new), "int64")
    padding[0, :2] = 0
    for array in (None, padding):
        expected, found = both(
            name, array, config=config(), inputs_embeds=embeds(new), past_key_values=filled("dynamic", steps)
        )
        assert_same_mask(found, expected)


@pytest.mark.parametrize("steps", [[2], [2, 1, 1]])
def test_after_steps_of_a_static_cache(steps):
    padding = np.ones((2, sum(steps) + 1), "int64")
    padding[1, :1] = 0
    expected, found = both(
        "create_causal_mask",
        padding,
        config=config(),
        inputs_embeds=embeds(1),
        past_key_values=filled("static", steps),
    )
    assert_same_mask(found, expected)


def test_cross_attention_looks_at_the_encoder():
    encoder = np.zeros((2, 5, 4), "float32")
    padding = np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]])
    expected, found = both(
        "create_bidirectional_mask",
        padding,
        config=config(),
        inputs_embeds=embeds(3),
        encoder_hidden_states=(torch.tensor(encoder), tf.constant(encoder)),
    )
    assert_same_mask(found, expected)


def test_a_ready_mask_is_returned():
    ready = tf.zeros((2, 1, 7, 7))
    assert masks.create_causal_mask(config(), embeds()[1], ready) is ready


def test_a_ready_mask_of_bools_counts_as_ones_and_zeros():
    given = np.tril(np.ones((2, 1, 7, 7), bool))
    torch_embeds, tf_embeds = embeds()
    scores = np.zeros((2, 1, 7, 7), np.float32)
    ready = torch.tensor(given)
    expected = torch.tensor(scores) + masking_utils.create_causal_mask(config(), torch_embeds, ready, None)
    found = scores + masks.create_causal_mask(config(), tf_embeds, tf.constant(given))
    np.testing.assert_array_equal(found, expected)


def test_decoder_made_bidirectional():
    made = config()
    made.is_causal = False
    expected, found = both(
        "create_causal_mask", PADDING["right"], config=made, inputs_embeds=embeds(), past_key_values=None
    )
    assert_same_mask(found, expected)


def test_a_window_must_be_in_the_config():
    with pytest.raises(ValueError, match="sliding_window"):
        masks.create_sliding_window_causal_mask(LlamaConfig(), embeds()[1], None)


@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("length", [1, 4, 7])
def test_padding_of_recurrent_layers(padding, length):
    expected, found = both(
        "create_recurrent_attention_mask", PADDING[padding], config=config(), inputs_embeds=embeds(length)
    )
    assert (found is None) == (expected is None)
    if expected is not None:
        assert_matches(found, expected)


@pytest.mark.parametrize("name", CAUSAL)
def test_a_mask_is_asked_for_as_in_transformers_4(name):
    cache = caches.DynamicCache(config=config())
    padding, hidden = tf.constant(PADDING["left"]), embeds()[1]
    create = getattr(masks, name)
    found = create(
        config=config(), input_embeds=hidden, attention_mask=padding, cache_position=tf.range(7), past_key_values=cache
    )
    expected = create(config(), hidden, padding, past_key_values=cache)
    np.testing.assert_array_equal(found, expected)


def test_queries_lie_where_cache_position_says():
    found = masks.create_causal_mask(config=config(), input_embeds=embeds(3)[1], attention_mask=None,
                                     cache_position=tf.constant([2, 0, 5]), past_key_values=None)  # fmt: skip
    np.testing.assert_array_equal(found[0, 0] == 0, [[1, 1, 1], [1, 0, 0], [1, 1, 1]])
