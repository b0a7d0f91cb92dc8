import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers import BertForMaskedLM

from porter.runtime.model.names import named_variables
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.compare import assert_matches
from tests.runtime.small_bert import IDS, config, strong


@pytest.fixture(params=[True, False], ids=["tied", "untied"])
def pair(request, tmp_path):
    """PyTorch's model and the port with its weights."""
    torch_model = strong(BertForMaskedLM, tie_word_embeddings=request.param)
    torch_model.save_pretrained(tmp_path)
    return torch_model, ported.TFBertForMaskedLM.from_pretrained(tmp_path)


@pytest.mark.parametrize(("count", "multiple"), [(90, None), (110, None), (101, 8), (None, 64)])
def test_resized_as_pytorch_resizes(pair, tmp_path, count, multiple):
    torch_model, model = pair
    torch_model.resize_token_embeddings(count, pad_to_multiple_of=multiple)
    embeddings = model.resize_token_embeddings(count, pad_to_multiple_of=multiple)
    tokens = torch_model.config.vocab_size
    assert embeddings is model.get_input_embeddings()
    assert (embeddings.input_dim, model.get_output_embeddings().units, model.config.vocab_size) == (tokens,) * 3
    sizes = {name: entry.torch_shape for name, entry in named_variables(model).items()}
    expected_sizes = {name: tuple(weight.shape) for name, weight in torch_model.named_parameters()}
    assert {name: sizes[name] for name in expected_sizes} == expected_sizes
    kept = min(tokens, 99)
    ids = IDS % kept
    expected = torch_model(torch.tensor(ids)).logits
    assert model(ids).logits.shape == expected.shape
    assert_matches(model(ids).logits[..., :kept], expected[..., :kept])
    # What both draw around the same mean: a spread of 3e-5 of the rows', times features.
    np.testing.assert_allclose(model(ids).logits[..., kept:], expected.detach()[..., kept:], atol=0.05)

    model.save_pretrained(tmp_path / "again")
    again = ported.TFBertForMaskedLM.from_pretrained(tmp_path / "again")
    np.testing.assert_array_equal(again(ids).logits, model(ids).logits)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.models.load_model(tmp_path / "model.keras")(ids).logits, model(ids).logits)


def test_new_rows_may_be_drawn_as_fresh_weights(pair):
    _, model = pair
    keras.utils.set_random_seed(0)
    before = model.get_input_embeddings().embeddings.numpy()
    rows = model.resize_token_embeddings(2000, mean_resizing=False).embeddings.numpy()
    np.testing.assert_array_equal(rows[:99], before)
    assert np.std(rows[99:]) == pytest.approx(model.config.initializer_range, rel=0.05)
    np.testing.assert_array_equal(model.get_output_embeddings().bias[99:], np.zeros(1901))


def test_new_tokens_are_trained():
    model = ported.TFBertForMaskedLM.from_config(config())
    model.compile(keras.optimizers.SGD(0.1))
    model.train_on_batch({"input_ids": IDS, "labels": IDS})
    model.resize_token_embeddings(104)
    model.compile(keras.optimizers.Adam(0.1))
    before = model.get_input_embeddings().embeddings.numpy()
    ids = IDS + 5
    assert np.isfinite(model.train_on_batch({"input_ids": ids, "labels": ids}))
    after = model.get_input_embeddings().embeddings.numpy()
    assert np.abs(after[ids.max()] - before[ids.max()]).max() > 0.01


def test_numbers_and_layers_take_the_embeddings_place(pair):
    _, model = pair
    other = np.random.default_rng(3).normal(size=(99, 32)).astype("float32")
    before = model(IDS).logits
    model.set_input_embeddings(other)
    by_numbers = model(IDS).logits
    assert np.abs(by_numbers - before).max() > 0.01

    model.set_input_embeddings(np.zeros((99, 32), "float32"))
    layer = keras.layers.Embedding(99, 32, embeddings_initializer=keras.initializers.Constant(other))
    model.set_input_embeddings(layer)
    assert model.get_input_embeddings() is layer
    np.testing.assert_array_equal(model(IDS).logits, by_numbers)
    assert any(variable is layer.embeddings for variable in model.trainable_variables)


def test_another_head(pair):
    _, model = pair
    head = keras.layers.Dense(7)
    head.build((None, None, 32))
    if model.get_output_embeddings().borrows:
        with pytest.raises(ValueError, match="scores tokens with its input embeddings"):
            model.set_output_embeddings(head)
    else:
        model.set_output_embeddings(head)
        assert model(IDS).logits.shape == (2, 7, 7)


def test_what_cannot_be_resized_says_so():
    unbuilt = ported.TFBertForMaskedLM(config())
    with pytest.raises(ValueError, match="build it before resizing"):
        unbuilt.resize_token_embeddings(100)
    model = ported.TFBertForMaskedLM.from_config(config())
    with pytest.raises(ValueError, match="cannot have 0 tokens"):
        model.resize_token_embeddings(0)
    with pytest.raises(ValueError, match=r"\(99, 32\), \(tokens, features\); \(99, 31\) do not fit"):
        model.set_input_embeddings(np.zeros((99, 31), "float32"))
    with pytest.raises(ValueError, match="do not fit"):
        model.set_input_embeddings(np.zeros((98, 32), "float32"))
    base = ported.TFBertModel.from_config(config())
    with pytest.raises(ValueError, match="has no output embeddings"):
        base.set_output_embeddings(keras.layers.Dense(99))


def test_weights_that_a_model_adds_to_its_scores_are_filled_up_with_zeros():
    class Biased(ported.TFBertForMaskedLM):
        def build(self, input_shape=None):
            self.final_logits_bias = self.add_weight(shape=(1, 99), initializer="ones", trainable=False, name="final")
            super().build(input_shape)

    model = Biased.from_config(copy.deepcopy(config()))
    model.resize_token_embeddings(101)
    np.testing.assert_array_equal(model.final_logits_bias, [[*[1] * 99, 0, 0]])
    graph = tf.function(lambda ids: model(ids).logits)
    assert graph(IDS).shape == (2, 7, 101)
