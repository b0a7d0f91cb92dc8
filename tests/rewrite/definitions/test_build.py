"""`build` creates what the constructor names, with shapes that it can read there."""

import keras
import pytest
import tensorflow as tf

from porter.runtime.layers.build_rest import build_the_rest


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
