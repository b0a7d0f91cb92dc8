import functools

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
from transformers import BertConfig

from porter.runtime import TFPreTrainedModel, TiedDense, built, tie
from porter.runtime.model.names import named_variables
from porter.runtime.model.tying import tied_names


class TFModel(TFPreTrainedModel):
    """Two embeddings, two blocks of two dense layers, a head."""

    config_class = BertConfig

    def __init__(self, config, head=TiedDense, **kwargs):
        super().__init__(config, **kwargs)
        self.shared = keras.layers.Embedding(5, 3, name="shared")
        self.copy = keras.layers.Embedding(5, 3, name="copy")
        self.block = [keras.layers.Dense(3, name=f"block.{i}") for i in range(3)]
        self.head = head(5, name="head")
        self.post_init()

    def call(self, ids):
        return self.head(self.block[1](self.shared(ids) + self.copy(ids)))

    def build(self, input_shape=None):
        self.shared.build()
        self.copy.build()
        for block in self.block:
            block.build((None, 3))
        self.head.build((None, 3))
        self.tie_weights()


def tied(mapping, tie_word_embeddings=True, **kwargs):
    model_class = type("TFTied", (TFModel,), {"_tied_weights_keys": mapping})
    model = model_class(BertConfig(tie_word_embeddings=tie_word_embeddings), **kwargs)
    model.build()
    return model


def test_a_head_borrows_the_embedding():
    model = tied({"head.weight": "shared.weight"})
    assert "head.weight" not in named_variables(model)
    assert model.all_tied_weights_keys == {"head.weight": "shared.weight"}
    model.shared.embeddings.assign(tf.ones((5, 3)))
    assert_all_ones(model.head.kernel)


def assert_all_ones(tensor):
    np.testing.assert_array_equal(tf.convert_to_tensor(tensor), 1.0)


def test_the_config_decides():
    model = tied({"head.weight": "shared.weight"}, tie_word_embeddings=False)
    assert "head.weight" in named_variables(model)
    assert model.all_tied_weights_keys == {}


def test_two_embeddings_become_one():
    model = tied({"copy.weight": "shared.weight"})
    assert model.copy.embeddings is model.shared.embeddings
    assert "copy.weight" not in named_variables(model)
    assert len(model.trainable_variables) == len(named_variables(model))


def test_chains_lead_to_the_first_source():
    model = tied({"head.weight": "copy.weight", "copy.weight": "shared.weight"})
    assert model.all_tied_weights_keys == {"head.weight": "shared.weight", "copy.weight": "shared.weight"}
    model.shared.embeddings.assign(tf.ones((5, 3)))
    assert_all_ones(model.head.kernel)


@pytest.mark.parametrize("use_bias", [True, False])
def test_a_bias_of_a_borrowing_head(use_bias):
    head = functools.partial(WithBias, use_bias=use_bias)
    model = tied({"head.weight": "shared.weight", "head.bias": "head.own_bias"}, head=head)
    assert model.head.bias is model.head.own_bias
    model.head.own_bias.assign(tf.ones(5))
    assert_all_ones(model.head(tf.zeros((1, 3))))


class WithBias(TiedDense):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)

    def build(self, input_shape):
        super().build(input_shape)
        self.own_bias = self.add_weight(name="own_bias", shape=(self.units,))


def test_expressions_stand_for_many():
    model = tied({r"block.(?![0])\d+": "block.0"})
    assert model.all_tied_weights_keys == {
        f"block.{index}.{parameter}": f"block.0.{parameter}" for index in (1, 2) for parameter in ("bias", "weight")
    }
    assert model.block[1].kernel is model.block[2].kernel is model.block[0].kernel
    assert model.block[2].bias is model.block[0].bias


def test_expressions_must_match_in_number():
    with pytest.raises(ValueError, match="stand for 4 and 0"):
        tied({r"block.(?![0])\d+": "blocks.0"})


def test_tying_twice_changes_nothing():
    model = tied({"head.weight": "shared.weight", r"block.(?![0])\d+": "block.0"})
    before = dict(model.all_tied_weights_keys), [id(variable) for variable in model.variables]
    model.tie_weights()
    assert (dict(model.all_tied_weights_keys), [id(variable) for variable in model.variables]) == before


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="cannot be tied"):
        tied({"head.weight": "shared.weight"}, head=keras.layers.Dense)
    with pytest.raises(ValueError, match="not a weight"):
        tied({"copy.weight": "nothing.weight"})


def test_a_model_inside_ties_by_its_own_config():
    class TFOuter(TFPreTrainedModel):
        config_class = BertConfig

        def __init__(self, config, **kwargs):
            super().__init__(config, **kwargs)
            self.inner = tied({"head.weight": "shared.weight"}, name="inner")
            self.post_init()

    assert tied_names(TFOuter(BertConfig(tie_word_embeddings=False))) == {"inner.head.weight": "inner.shared.weight"}


def test_saved_once(tmp_path):
    model = tied({"head.weight": "shared.weight", "copy.weight": "shared.weight"})
    model.save_pretrained(tmp_path)
    again, info = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(info.values())
    ids = tf.constant([[1, 4]])
    np.testing.assert_array_equal(again(ids), model(ids))


def test_gradients_of_all_uses_add_up():
    model = tied({"head.weight": "shared.weight", "copy.weight": "shared.weight"})
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(tf.constant([[1]])) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.shared.embeddings.value))
    assert np.all(np.abs(gradient) > 0)


class TFConstructed(TFPreTrainedModel):
    """Ties that a constructor makes, whatever the configuration says."""

    config_class = BertConfig

    def __init__(self, config, reverse=False, **kwargs):
        super().__init__(config, **kwargs)
        self.embed = keras.layers.Embedding(5, 3)
        self.head = TiedDense(5)
        self.first, self.second = built(keras.layers.Dense(3), (None, 3)), built(keras.layers.Dense(3), (None, 3))
        tie(self.second, self.first)
        tie(self.second, self.first, "bias")
        tie(self, self.first, "shift", "bias")
        if reverse:
            tie(self.embed, self.head)
        else:
            tie(self.head, self.embed)

    def build(self, input_shape=None):
        self.head.build((None, 3))


@pytest.mark.parametrize("reverse", [False, True])
def test_what_a_constructor_ties_is_one(reverse):
    model = TFConstructed.from_config(BertConfig(tie_word_embeddings=False), reverse=reverse)
    assert set(named_variables(model)) == {"embed.weight", "head.bias", "first.weight", "first.bias"}
    assert model.second.kernel is model.first.kernel
    assert model.shift is model.second.bias is model.first.bias
    model.embed.embeddings.assign(tf.ones((5, 3)))
    assert_all_ones(model.head.kernel)
    assert model.all_tied_weights_keys == {
        "head.weight": "embed.weight",
        "second.weight": "first.weight",
        "second.bias": "first.bias",
        "shift": "first.bias",
    }


@pytest.mark.parametrize("stored", ["embed.weight", "head.weight"])
def test_a_checkpoint_may_hold_a_tied_weight_under_either_name(stored, tmp_path):
    shapes = {stored: (5, 3), "head.bias": (5,), "first.weight": (3, 3), "second.bias": (3,)}
    safetensors.numpy.save_file(
        {name: np.full(shape, 2.0, np.float32) for name, shape in shapes.items()}, tmp_path / "model.safetensors"
    )
    BertConfig().save_pretrained(tmp_path)
    model, info = TFConstructed.from_pretrained(tmp_path, from_pt=True, output_loading_info=True)
    assert info == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}
    np.testing.assert_array_equal(model.embed.embeddings, 2.0)


@pytest.mark.parametrize("entry", ["head.weight", "head"])
def test_a_list_names_what_shares_the_input_embeddings(entry):
    class TFListed(TFModel):
        _tied_weights_keys = (entry, "head.bias")

        def get_input_embeddings(self):
            return self.shared

    model = TFListed.from_config(BertConfig(tie_word_embeddings=True))
    assert model.all_tied_weights_keys == {"head.weight": "shared.weight"}
    assert TFListed.from_config(BertConfig(tie_word_embeddings=False)).all_tied_weights_keys == {}
