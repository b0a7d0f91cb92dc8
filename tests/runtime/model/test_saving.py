import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformers import BertConfig

from porter.runtime import TFPreTrainedModel
from porter.runtime.model.call_signature import input_signature
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import IDS, MASK, config

ROOT = Path(__file__).parents[3]


def in_fresh_process(code, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return ported.TFBertForMaskedLM.from_config(config())


class TFNestMainLayer(TFPreTrainedModel):
    """A main layer that is a model of its own, has its part in a list, and two layers with one weight."""

    config_class = BertConfig
    base_model_prefix = "nest"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.shared = keras.layers.Embedding(9, 4, name="shared")
        self.parts = [keras.layers.Embedding(9, 4, name="parts.0"), keras.layers.Dense(4, name="parts.1")]
        self._tied_weights_keys = {"parts.0.weight": "shared.weight"}
        self.post_init()

    def call(self, input_ids, training=False):
        return self.parts[1](self.shared(input_ids) + self.parts[0](input_ids))

    def build(self, input_shape=None):
        if self.built:
            return
        self.shared.build(None)
        self.parts[0].build(None)
        self.parts[1].build((None, None, 4))
        self.tie_weights()
        self.built = True


class TFNestModel(TFPreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "nest"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.nest = TFNestMainLayer(config, name="nest")
        self.post_init()

    def call(self, input_ids, training=False):
        return self.nest(input_ids)

    def build(self, input_shape=None):
        if self.built:
            return
        self.nest.build(None)
        self.built = True


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("nest_class", [TFNestMainLayer, TFNestModel])
def test_a_base_model_is_no_circle_and_shared_weights_are_saved_once(tmp_path, nest_class, tied):
    nest = nest_class.from_config(BertConfig(tie_word_embeddings=tied))
    weights = nest.get_weights()
    nest.set_weights([value + 0.1 * index for index, value in enumerate(weights, 1)])
    assert len(weights) == (3 if tied else 4)
    nest.save(tmp_path / "nest.keras")
    nest.save_weights(tmp_path / "nest.weights.h5")
    other = nest_class.from_config(nest.config)
    other.load_weights(tmp_path / "nest.weights.h5")
    for again in (keras.saving.load_model(tmp_path / "nest.keras"), other):
        np.testing.assert_array_equal(again(IDS % 9), nest(IDS % 9))


def test_keras_file_and_weights_are_read_in_a_fresh_process(model, tmp_path):
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    np.savez(tmp_path / "expected.npz", ids=IDS, logits=model(IDS).logits)
    code = """if True:
        import sys, keras, numpy as np
        from tests.runtime import modeling_tf_small_bert as ported
        folder = sys.argv[1]
        stored = np.load(folder + "/expected.npz")
        whole = keras.saving.load_model(folder + "/model.keras")
        weights = ported.TFBertForMaskedLM.from_config(whole.config)
        weights.load_weights(folder + "/model.weights.h5")
        for model in (whole, weights):
            np.testing.assert_array_equal(model(stored["ids"]).logits, stored["logits"])
    """
    in_fresh_process(code, tmp_path)


def test_a_saved_model_is_served_in_a_fresh_process_without_the_code(model, tmp_path):
    model.export(tmp_path / "served", verbose=False)
    np.savez(tmp_path / "expected.npz", ids=IDS, mask=MASK, logits=model(IDS, attention_mask=MASK).logits)
    code = """if True:
        import sys, numpy as np, tensorflow as tf
        folder = sys.argv[1]
        stored = np.load(folder + "/expected.npz")
        serve = tf.saved_model.load(folder + "/served").signatures["serving_default"]
        kinds = np.zeros_like(stored["ids"])
        inputs = {"input_ids": stored["ids"], "attention_mask": stored["mask"], "token_type_ids": kinds}
        found = serve(**{name: tf.constant(value) for name, value in inputs.items()})["logits"]
        np.testing.assert_allclose(found, stored["logits"], atol=1e-5)
        longer = {name: tf.constant(np.tile(value, (2, 2))) for name, value in inputs.items()}
        assert serve(**longer)["logits"].shape == (4, 14, 99)
    """
    in_fresh_process(code, tmp_path)


def test_a_cache_is_not_served():
    decoder = ported.TFBertModel.from_config(config(is_decoder=True))
    assert decoder(IDS).past_key_values is not None
    assert set(decoder.serving({"input_ids": IDS})) == {"last_hidden_state", "pooler_output"}


def test_the_tensors_of_a_tuple_are_served_under_their_places(tmp_path):
    told = ported.TFBertModel.from_config(config(output_hidden_states=True))
    hidden = told(IDS).hidden_states
    told.export(tmp_path, verbose=False)
    served = tf.saved_model.load(tmp_path).signatures["serving_default"]
    found = served(input_ids=IDS, attention_mask=np.ones_like(IDS), token_type_ids=np.zeros_like(IDS))
    for place, expected in enumerate(hidden):
        np.testing.assert_allclose(found[f"hidden_states_{place}"], expected, atol=1e-5)


def test_export_takes_another_signature(model, tmp_path):
    signature = {"input_ids": tf.TensorSpec([None, 7], tf.int32, name="input_ids")}
    model.export(tmp_path, input_signature=[signature], verbose=False)
    served = tf.saved_model.load(tmp_path).signatures["serving_default"]
    found = served(input_ids=tf.constant(IDS, tf.int32))["logits"]
    np.testing.assert_allclose(found, model(IDS).logits, atol=1e-5)


def test_clone(model):
    clone = keras.models.clone_model(model)
    assert [v.path.partition("/")[2] for v in clone.weights] == [v.path.partition("/")[2] for v in model.weights]
    assert np.max(np.abs(clone(IDS).logits - model(IDS).logits)) > 1e-3
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(IDS).logits, model(IDS).logits)


def images(**sizes):
    class Seeing(keras.Model):
        def __init__(self):
            super().__init__()
            self.config = BertConfig(**sizes)

        def call(self, pixel_values, attention_mask=None):
            return pixel_values

    return Seeing()


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ({"image_size": 32, "num_channels": 1}, (None, 1, 32, 32)),
        ({"image_size": [32, 16]}, (None, 3, 32, 16)),
        ({}, (None, 3, None, None)),
    ],
)
def test_images_have_the_configurations_sizes_and_no_mask(sizes, shape):
    assert {name: tuple(spec.shape) for name, spec in input_signature(images(**sizes)).items()} == {
        "pixel_values": shape
    }


def test_what_has_no_usual_input_asks_for_a_signature():
    class Odd(keras.Model):
        def call(self, input_ids, curvature):
            return input_ids

    with pytest.raises(ValueError, match="Odd needs curvature, so its signature is not known: pass input_signature"):
        input_signature(Odd())
