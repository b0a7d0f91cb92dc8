import keras
import pytest
import tensorflow as tf
import torch
from transformers import BertConfig, BertModel
from transformers.utils import output_capturing

from porter.runtime import OutputRecorder, capture_outputs, select_hidden_states
from porter.runtime.model.capturing import recorders_of
from porter.runtime.outputs import TFBaseModelOutputWithCrossAttentions
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.compare import assert_matches
from tests.runtime.small_bert import IDS, config, strong


class Attention(keras.layers.Layer):
    def call(self, x):
        return x + 1, x * 10


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.own, self.crossed = Attention(name="own"), Attention(name="crossed")

    def call(self, x, skip=None):
        return self.crossed(self.own(x)[0])[0]


class Model(keras.layers.Layer):
    _can_record_outputs = {  # noqa: RUF012
        "hidden_states": Block,
        "attentions": OutputRecorder(Attention, index=1, layer_name="own"),
        "cross_attentions": OutputRecorder(Attention, index=1, layer_name="crossed"),
    }
    config = BertConfig(num_hidden_layers=2)

    def __init__(self, inner=None, **kwargs):
        super().__init__(**kwargs)
        self.layer = [Block(name=f"layer.{i}") for i in range(2)]
        self.inner = inner

    @capture_outputs
    def call(self, x, output_attentions=None, output_hidden_states=None):
        if self.inner is not None:
            x = self.inner(x).last_hidden_state
        for layer in self.layer:
            x = layer(x)
        return TFBaseModelOutputWithCrossAttentions(last_hidden_state=x * 100)


def numbers(values):
    return [None if value is None else float(value) for value in values]


X = tf.constant(1.0)


def test_nothing_is_collected_unasked():
    assert list(Model()(X)) == ["last_hidden_state"]


def test_hidden_states_begin_with_the_input_and_end_with_the_result():
    assert numbers(Model()(X, output_hidden_states=True).hidden_states) == [1.0, 3.0, 500.0]


class Picking:
    def __init__(self):
        self.model, self.places = Model(), [1]

    @select_hidden_states("layers")
    def named(self, x, layers=0, output_hidden_states=None):
        return numbers(self.model(x, output_hidden_states=output_hidden_states).hidden_states)

    @select_hidden_states(lambda self: self.places)
    def computed(self, x, output_hidden_states=None):
        return numbers(self.model(x, output_hidden_states=output_hidden_states).hidden_states)


def test_a_method_asks_for_those_hidden_states_that_it_uses():
    picking = Picking()
    assert picking.named(X) == [1.0, None, None]
    assert picking.named(X, layers=[0, 1]) == picking.named(X, [0, 1]) == [1.0, 3.0, None]
    assert picking.computed(X) == [None, 3.0, None]
    assert picking.named(X, output_hidden_states=True) == picking.named(X, layers=None) == [1.0, 3.0, 500.0]


def test_attentions_by_the_name_of_the_layer():
    output = Model()(X, output_attentions=True)
    assert list(output) == ["last_hidden_state", "attentions", "cross_attentions"]
    assert numbers(output.attentions) == [10.0, 30.0]
    assert numbers(output.cross_attentions) == [20.0, 40.0]


def test_graph_and_xla():
    for jit_compile in (False, True):
        model = Model()
        call = tf.function(lambda x, model=model: model(x, output_hidden_states=True), jit_compile=jit_compile)
        assert numbers(call(X).hidden_states) == [1.0, 3.0, 500.0]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [(1, [None, 3.0, None]), (-1, [None, None, 500.0]), ([1, 2], [None, 3.0, 500.0]), ([7], [None, None, None])],
)
def test_hidden_states_by_index(selection, expected):
    assert numbers(Model()(X, output_hidden_states=selection).hidden_states) == expected


@pytest.mark.parametrize("selection", [True, 1, [1, -1], [0, 9]])
def test_hidden_states_by_index_as_pytorch_selects_them(selection, tmp_path):
    strong(BertModel).save_pretrained(tmp_path)
    model = ported.TFBertModel.from_pretrained(tmp_path, from_pt=True)
    expected = strong(BertModel)(torch.tensor(IDS), output_hidden_states=selection).hidden_states
    found = model(IDS, output_hidden_states=selection).hidden_states
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one is None) == (other is None)
        if other is not None:
            assert_matches(one, other)


def test_the_last_hidden_state_may_be_the_layers_own():
    class Untied(Model):
        @capture_outputs(tie_last_hidden_states=False)
        def call(self, x, output_hidden_states=None):
            return Model.call.__wrapped__(self, x)

    assert numbers(Untied()(X, output_hidden_states=True).hidden_states) == [1.0, 3.0, 5.0]


def test_a_model_inside_collects_for_itself():
    outer = Model(inner=Model(name="inner"))
    assert numbers(outer(X, output_attentions=True).attentions) == [5000.0, 5020.0]
    assert numbers(outer.inner(X, output_attentions=True).attentions) == [10.0, 30.0]


def test_the_config_asks_too():
    class Asking(Model):
        config = BertConfig(output_attentions=True)

    assert len(Asking()(X).attentions) == 2
    assert "attentions" not in Asking()(X, output_attentions=False)


def test_a_string_is_the_end_of_a_path():
    class ByName(Model):
        _can_record_outputs = {"attentions": "own"}  # noqa: RUF012

    assert numbers(ByName()(X, output_attentions=True).attentions) == [10.0, 30.0]


def test_a_failed_call_stops_collecting():
    class Failing(Model):
        @capture_outputs
        def call(self, x, output_hidden_states=None):
            self.layer[0](x)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Failing()(X, output_hidden_states=True)
    assert numbers(Model()(X, output_hidden_states=True).hidden_states) == [1.0, 3.0, 500.0]


def test_defaults_of_a_recorder_are_those_of_transformers():
    theirs = output_capturing.OutputRecorder(target_class=torch.nn.Linear)
    ours = OutputRecorder(Block)
    for name in ("index", "layer_name", "class_name", "capture_initial_hidden_state", "num_hidden_layers_key"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert recorders_of(ported.TFBertModel)["attentions"][0].index == 1
    assert config().num_hidden_layers == 3
