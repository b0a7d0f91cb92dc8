"""`build` creates what the constructor names, with shapes that it can read there."""

import keras
import pytest
import tensorflow as tf

from porter.port.verify import verify
from porter.runtime.layers.build_rest import build_the_rest
from tests.rewrite.bodies import port_bodies


def test_a_parameter_whose_shape_build_can_read_moves_there(tiny):
    assert 'self.start = self.add_weight(shape=(self.config.hidden_size,), initializer="zeros", name="start")' in (
        tiny.text("TFTinyEmbeddings.build")
    )
    assert "self.start" not in tiny.text("TFTinyEmbeddings.__init__")


def test_a_parameter_made_of_local_values_stays(tiny):
    assert 'self.ramp = add_parameter(self, "ramp", ' in tiny.text("TFTinyEmbeddings.__init__")
    assert "ramp" not in tiny.text("TFTinyEmbeddings.build")


def test_what_is_not_in_the_checkpoint_is_a_constant(tiny):
    assert "self.seen = tf.zeros((1,))" in tiny.text("TFTinyEmbeddings.__init__")


def test_children_that_may_be_missing_are_asked_for(tiny):
    lines = [line.strip() for line in tiny.text("TFTinyLayer.build").splitlines()]
    assert lines[lines.index('if hasattr(self, "gate"):') + 1].startswith("self.gate.build(")
    assert lines[lines.index("if self.wide is not None:") + 1].startswith("self.wide.build(")
    assert lines[lines.index("self.output_.build((None, None, self.config.hidden_size))") - 1].startswith("def build")


def test_what_can_be_tied_can_borrow(tiny):
    assert "self.decoder = TiedDense(" in tiny.text("TFTinyForTokenClassification")


@pytest.mark.parametrize("tied", [True, False])
def test_the_tie_follows_the_configuration(tiny, tied):
    modeling = tiny.module()
    model = modeling.TFTinyForTokenClassification.from_config(modeling.TinyConfig(tie_word_embeddings=tied))
    embeddings = model.tiny.embeddings.word_embeddings.embeddings
    embeddings.assign_add(tf.ones_like(embeddings))
    shared = tf.reduce_max(tf.abs(tf.transpose(model.decoder.kernel) - tf.convert_to_tensor(embeddings))) == 0
    assert bool(shared) is tied


def test_nothing_is_built_before_build(tiny):
    modeling = tiny.module()
    layer = modeling.TFTinyLayer(modeling.TinyConfig(), layer_idx=0)
    assert layer.weights == []
    layer.build()
    build_the_rest(layer)
    assert {type(weight) for weight in layer.weights} == {keras.Variable}
    assert len(layer.weights) == 10


CHANGED = """
class Grows(nn.Module):
    def __init__(self, width, _=None):
        super().__init__()
        self.width = width
        self.first = nn.Linear(width, width)
        self.blocks = self._make(width * 2)
        self.last = nn.Linear(width, width)

    def _make(self, wide):
        layers = [nn.Linear(self.width, wide)]
        self.width = wide
        layers.append(nn.Linear(self.width, 8))
        return nn.Sequential(*layers)

    def forward(self, x):
        return self.last(self.blocks(self.first(x)))
"""


def test_an_attribute_that_a_method_changes_is_not_what_it_was(tmp_path):
    grows = port_bodies("grows", {"Holder": "return x"}, tmp_path, CHANGED, "Grows")
    assert ".build((None, None, self.width" not in grows.text("TFGrows")
    (found,) = verify(grows.subject, grows.module())
    assert found.ok
