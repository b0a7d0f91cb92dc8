import keras
import numpy as np
import pytest
import tensorflow as tf

from porter.runtime import TFModule
from porter.runtime.model import init
from porter.runtime.model.initialization import draw_weights, initializer_std
from porter.runtime.model.names import named_variables
from porter.runtime.model.torch_parameters import parameter
from tests.runtime import small_bert
from tests.runtime.modeling_tf_small_bert import TFBertForMaskedLM, TFBertMainLayer, TFBertModel, TFBertPreTrainedModel


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def numbers(model):
    return {name: entry.variable.numpy() for name, entry in named_variables(model).items()}


def test_fresh_as_transformers_draws():
    fresh = numbers(TFBertForMaskedLM.from_config(small_bert.config(initializer_range=0.3)))
    for name, values in fresh.items():
        if name.endswith("bias"):
            assert not values.any(), name
        elif "LayerNorm" in name:
            assert (values == 1).all(), name
        else:
            assert values.std() == pytest.approx(0.3, rel=0.35), name


def test_a_seed_makes_them_the_same_again():
    first = numbers(TFBertModel.from_config(small_bert.config()))
    keras.utils.set_random_seed(0)
    again = numbers(TFBertModel.from_config(small_bert.config()))
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])


class TFOwnBert(TFBertPreTrainedModel):
    """A model whose class fills what the base class would not."""

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.bert = TFBertMainLayer(config)
        self.head = keras.layers.Dense(4)
        self.post_init()

    def build(self, input_shape=None):
        self.bert.build()
        self.head.build((None, self.config.hidden_size))

    def _init_weights(self, module):
        super()._init_weights(module)
        self.filled = [*getattr(self, "filled", []), type(module).__name__]
        if isinstance(module, TFOwnBert):
            init.constant_(parameter(module.head, "weight"), 0.25)


def test_the_models_own_method_has_the_last_word_and_sees_every_layer_once():
    model = TFOwnBert.from_config(small_bert.config())
    assert (model.head.kernel.numpy() == 0.25).all()
    assert model.filled[-1] == "TFOwnBert"
    assert model.filled.count("TFBertMainLayer") == 1
    assert model.filled.index("TFBertEmbeddings") < model.filled.index("TFBertMainLayer")


def test_only_what_is_asked_for_is_drawn():
    model = TFOwnBert.from_config(small_bert.config())
    before = numbers(model)
    draw_weights(model, only=frozenset({"bert.pooler.dense.weight"}))
    changed = [name for name, values in numbers(model).items() if (values != before[name]).any()]
    assert changed == ["bert.pooler.dense.weight"]
    model.filled = []
    draw_weights(model, only=frozenset())
    assert model.filled == []


def test_a_main_layer_with_another_configuration_is_drawn_by_it():
    class TFPair(TFBertPreTrainedModel):
        def __init__(self, config, **kwargs):
            super().__init__(config, **kwargs)
            self.first = TFBertMainLayer(config)
            self.second = TFBertMainLayer(small_bert.config(initializer_range=3.0))

        def build(self, input_shape=None):
            self.first.build()
            self.second.build()

    model = TFPair.from_config(small_bert.config(initializer_range=0.1))
    assert model.first.pooler.dense.kernel.numpy().std() == pytest.approx(0.1, rel=0.2)
    assert model.second.pooler.dense.kernel.numpy().std() == pytest.approx(3.0, rel=0.2)


class TFPlain(TFModule):
    """A plain module, whose constructor in PyTorch has filled one weight."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(50)
        self.second = keras.layers.Dense(50)

    def build(self, input_shape=None):
        self.first.build((None, 100))
        self.second.build((None, 100))

    def fill_weights(self):
        init.ones_(parameter(self.second, "bias"))

    def _init_weights(self, module):
        raise AssertionError("PyTorch calls it only where a constructor says so")


def test_a_plain_module_starts_as_pytorchs_layers_do():
    model = TFPlain()
    model.build()
    assert np.abs(model.first.kernel.numpy()).max() == pytest.approx(0.1, rel=0.01)
    assert np.abs(model.first.bias.numpy()).max() == pytest.approx(0.1, rel=0.1)
    assert (model.second.bias.numpy() == 1).all()


def test_a_fresh_model_may_be_called_in_a_graph_first():
    model = TFBertModel(small_bert.config())
    graph = tf.function(
        lambda ids: model(ids).last_hidden_state, input_signature=[tf.TensorSpec([None, None], tf.int64)]
    )
    ids = np.ones((2, 3), "int64")
    np.testing.assert_allclose(graph(ids), model(ids).last_hidden_state, atol=1e-5)


def test_drawn_anew_when_asked():
    model = TFBertModel.from_config(small_bert.config())
    before = numbers(model)
    model.init_weights()
    name = "pooler.dense.weight"
    assert (numbers(model)[name] != before[name]).all()


def test_nothing_is_drawn_in_a_constructor():
    class Model(TFBertModel):
        def __init__(self, config):
            super().__init__(config)
            self.init_weights()

        def _init_weights(self, module):
            assert self.built

    assert Model(small_bert.config())(np.ones((2, 3), "int64")).last_hidden_state.shape == (2, 3, 32)


def test_the_deviation_a_configuration_asks_for():
    class Config:
        pass

    config = Config()
    assert initializer_std(config) == 0.02
    config.init_std = 0.5
    assert initializer_std(config) == 0.5
    config.initializer_range = None
    assert initializer_std(config) == 0.02
