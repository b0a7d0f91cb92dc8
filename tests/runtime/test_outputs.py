import dataclasses
import pickle

import keras
import pytest
import tensorflow as tf
import torch
from transformers import modeling_outputs

from porter.runtime import outputs
from porter.runtime.caches import DynamicCache

EXPECTED = {
    name: value
    for name, value in vars(modeling_outputs).items()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_fields_are_those_of_transformers(name):
    fields = [field.name for field in dataclasses.fields(getattr(outputs, f"TF{name}"))]
    assert fields == [field.name for field in dataclasses.fields(EXPECTED[name])]


def both(**values):
    ours = outputs.TFMaskedLMOutput(**{key: tf.constant(value) for key, value in values.items()})
    return ours, modeling_outputs.MaskedLMOutput(**{key: torch.tensor(value) for key, value in values.items()})


def test_what_is_none_does_not_count():
    ours, theirs = both(logits=[1.0, 2.0], attentions=[3.0])
    assert list(ours) == list(theirs) == ["logits", "attentions"]
    assert ours.loss is theirs.loss is None
    assert ours[0] is ours["logits"] is ours.logits
    assert len(ours.to_tuple()) == len(theirs.to_tuple()) == 2
    assert len(ours[:1]) == len(theirs[:1]) == 1
    with pytest.raises(KeyError):
        ours["loss"]


def test_later_values_come_last():
    ours, theirs = both(attentions=[3.0])
    ours["hidden_states"] = ours.logits = tf.constant([1.0])
    theirs["hidden_states"] = theirs.logits = torch.tensor([1.0])
    assert list(ours) == list(theirs)
    assert ours.hidden_states is ours["logits"]


def test_an_output_keeps_its_keys():
    ours, _ = both(logits=[1.0])
    with pytest.raises(TypeError, match="cannot lose"):
        del ours["logits"]
    with pytest.raises(TypeError, match="cannot lose"):
        ours.pop("logits")


def example():
    return outputs.TFBaseModelOutputWithPast(
        last_hidden_state=tf.ones((2, 3)), hidden_states=(tf.ones((2,)), tf.zeros((2,)))
    )


def assert_is_example(found):
    assert type(found) is outputs.TFBaseModelOutputWithPast
    assert list(found) == ["last_hidden_state", "hidden_states"]
    assert isinstance(found.hidden_states, tuple)
    assert found.attentions is None


@pytest.mark.parametrize("jit_compile", [False, True])
def test_through_a_graph(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def identity(output):
        return output

    assert_is_example(identity(example()))


def test_a_cache_passes_with_it():
    @tf.function
    def with_cache(x):
        cache = DynamicCache()
        cache.update(x, x, 0)
        return outputs.TFBaseModelOutputWithPast(last_hidden_state=x, past_key_values=cache)

    found = with_cache(tf.ones((1, 2, 3, 4)))
    assert found.past_key_values.get_seq_length() == 3


class Doubled(keras.layers.Layer):
    def call(self, output):
        return outputs.TFBaseModelOutputWithPast(
            last_hidden_state=2 * output.last_hidden_state, hidden_states=output.hidden_states
        )


def test_argument_and_result_of_a_layer():
    assert_is_example(Doubled()(example()))
    assert_is_example(tf.function(Doubled())(example()))


def test_in_a_functional_model():
    class Start(keras.layers.Layer):
        def call(self, x):
            return outputs.TFBaseModelOutputWithPast(last_hidden_state=x, hidden_states=(x, x))

    inputs = keras.Input((3,))
    model = keras.Model(inputs, Doubled()(Start()(inputs)).last_hidden_state)
    assert float(model(tf.ones((2, 3)))[0, 0]) == 2.0


def test_through_keras_and_tf_structures():
    for structure in (keras.tree.map_structure, tf.nest.map_structure):
        mapped = structure(lambda x: x + 1, example())
        assert_is_example(mapped)
        assert float(mapped.last_hidden_state[0, 0]) == 2.0


def test_pickle():
    output = outputs.TFMaskedLMOutput(logits=[1, 2])
    again = pickle.loads(pickle.dumps(output))
    assert again.logits == [1, 2]
    assert type(again) is outputs.TFMaskedLMOutput


def test_a_saved_model_keeps_the_entries(tmp_path):
    module = tf.Module()
    module.run = tf.function(lambda x: dict(example(), last_hidden_state=x), input_signature=[tf.TensorSpec([2, 3])])
    tf.saved_model.save(module, tmp_path)
    assert set(tf.saved_model.load(tmp_path).run(tf.ones((2, 3)))) == {"last_hidden_state", "hidden_states"}


@dataclasses.dataclass
class Own(outputs.TFModelOutput):
    score: object = None
    extra: object = None


def test_a_generated_output_needs_nothing_but_its_fields():
    found = tf.function(lambda: Own(score=tf.constant(1.0)))()
    assert type(found) is Own
    assert list(found) == ["score"]
