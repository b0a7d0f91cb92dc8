import keras
import pytest
from transformers import BertConfig, BertForMaskedLM, BertModel

from porter.runtime import TFPreTrainedModel, keras_serializable
from porter.runtime.layers.places import named_children
from porter.runtime.model.names import (
    aliases,
    main_layer_of,
    name_layers,
    named_layers,
    named_variables,
    placed_layers,
)
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config


def test_names_and_shapes_are_pytorchs():
    for torch_class, tf_class in ((BertModel, ported.TFBertModel), (BertForMaskedLM, ported.TFBertForMaskedLM)):
        expected = {name: tuple(parameter.shape) for name, parameter in torch_class(config()).named_parameters()}
        model = tf_class.from_config(config())
        assert {name: entry.torch_shape for name, entry in named_variables(model).items()} == expected


def test_layers_are_known_before_they_are_built():
    names = dict(named_layers(ported.TFBertForMaskedLM(config())))
    assert names["bert.encoder.layer.2.attention.self"].layer_idx == 2
    assert names["bert.encoder.layer.2.attention.output"].name == "output"
    paths = {place.name: place.path for place in placed_layers(ported.TFBertModel(config()))}
    assert paths["encoder.layer.0.attention.output"] == "bert/encoder/layer.0/attention/output"


def test_paths_are_those_of_keras():
    model = ported.TFBertModel.from_config(config())
    for place in placed_layers(model):
        for variable in place.layer._trainable_variables:
            assert variable.path == f"{model.name}/{place.path}/{variable.name}"


def test_only_a_bare_model_has_a_main_layer():
    assert main_layer_of(ported.TFBertModel(config())).name == "bert"
    assert main_layer_of(ported.TFBertForMaskedLM(config())) is None
    assert main_layer_of(keras.layers.Dense(2)) is None


class Shared(keras.layers.Layer):
    def __init__(self, embedding, **kwargs):
        super().__init__(**kwargs)
        self.embed_tokens = embedding
        self.output_ = [embedding]


def test_a_layer_in_several_places_has_several_names():
    root = keras.layers.Layer()
    root.shared = keras.layers.Embedding(3, 2, name="shared")
    root.encoder = Shared(root.shared, name="encoder")
    root.shared.build()
    assert [name for name, layer in named_layers(root) if layer is root.shared] == ["shared", "encoder.embed_tokens"]
    assert list(named_variables(root)) == ["shared.weight"]
    assert aliases(root) == {
        "encoder.embed_tokens.weight": "shared.weight",
        "encoder.output.0.weight": "shared.weight",
    }


class WithWeights(keras.layers.Layer):
    def build(self, input_shape=None):
        self.gate = self.add_weight(name="gate", shape=(2,))
        self.mean = self.add_weight(name="running", shape=(2,), trainable=False)
        self.scales = [self.add_weight(name="scale", shape=(2,)) for _ in range(2)]


def test_own_weights_are_called_like_what_keeps_them():
    layer = WithWeights()
    layer.build()
    paths = {name: entry.path for name, entry in named_variables(layer).items()}
    assert paths == {name: name for name in ("gate", "scales.0", "scales.1", "mean")}


def test_seeds_are_no_weights():
    layer = keras.layers.Dropout(0.5)
    assert named_variables(layer) == {}


def test_two_layers_of_one_name_are_refused():
    root = keras.layers.Layer()
    root.parts = [keras.layers.Dense(2, name="first")]
    setattr(root, "parts.0", keras.layers.Dense(2, name="second"))
    with pytest.raises(ValueError, match=r"name=first.* and .*name=second.* would both be called parts\.0 in Layer"):
        named_layers_of(root)


def test_two_weights_of_one_name_are_refused():
    root = keras.layers.Layer()
    root.part = keras.layers.Layer()
    root.part.weight = root.part.add_weight(shape=())
    setattr(root, "part.weight", root.add_weight(shape=()))
    with pytest.raises(ValueError, match=r"part/weight and part\.weight would both be part\.weight|both be part"):
        named_variables(root)


def named_layers_of(root):
    return [name for name, _ in named_layers(root)]


def test_layers_are_called_like_what_keeps_them():
    root = keras.layers.Layer()
    root.blocks = []
    for _ in range(2):
        root.blocks.append(keras.layers.Dense(2, name="whatever"))
    root.output_ = {"norm": keras.layers.Dense(2), "deep": [(keras.layers.Dense(2),)]}
    root._private = keras.layers.Dense(2)
    names = ["blocks.0", "blocks.1", "output.norm", "output.deep.0.0", "_private"]
    assert [name for name, _ in named_children(root)] == names
    name_layers(root)
    assert [child.name for _, child in named_children(root)] == names


def test_an_attribute_names_rather_than_a_plain_list():
    root = keras.layers.Layer()
    root.convolutions = []
    for index in range(2):
        layer = keras.layers.Dense(2)
        root.convolutions.append(layer)
        setattr(root, f"conv{index}", layer)
        layer.build((None, 2))
    assert [name for name, _ in named_children(root)] == ["conv0", "conv1"]
    assert aliases(root)["convolutions.1.bias"] == "conv1.bias"


def test_what_a_layer_only_refers_to_is_not_its_own():
    root, other = keras.layers.Layer(), keras.layers.Dense(2)
    object.__setattr__(root, "lender", other)
    assert named_children(root) == []


@keras_serializable
class TFInnerMainLayer(keras.layers.Layer):
    config_class = BertConfig

    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2, name="dense")

    def build(self, input_shape=None):
        self.dense.build((None, 2))


class AroundInner(TFPreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "inner"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.inner = TFInnerMainLayer(config, name="inner")
        self.post_init()

    def build(self, input_shape=None):
        self.inner.build()


class TFInnerModel(AroundInner):
    pass


class TFHolderForScores(AroundInner):
    pass


@keras_serializable
class TFOuterMainLayer(TFHolderForScores):
    pass


class TFOuterModel(TFPreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "model"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.model = TFOuterMainLayer(config, name="model")
        self.post_init()

    def build(self, input_shape=None):
        self.model.build()


def test_a_model_that_holds_nothing_but_another_has_its_level():
    holder = TFHolderForScores(config())
    assert main_layer_of(holder) is None
    outer = TFOuterModel(config())
    for model in (holder, outer):
        model.build()
        assert list(named_variables(model)) == ["inner.dense.weight", "inner.dense.bias"]


def test_a_bare_model_inside_another_has_no_level_of_its_own():
    root = keras.layers.Layer()
    root.tower = TFInnerModel(config(), name="tower")
    root.tower.build()
    assert list(named_variables(root)) == ["tower.dense.weight", "tower.dense.bias"]
