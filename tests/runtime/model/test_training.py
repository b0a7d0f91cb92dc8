import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from transformers import BertForMaskedLM

from porter.runtime.model.names import named_variables
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.compare import assert_matches
from tests.runtime.small_bert import IDS, MASK, config, strong, tensors

LABELS = np.where(IDS % 2, IDS, -100)


@pytest.fixture
def model(tmp_path):
    strong(BertForMaskedLM, **NO_DROPOUT).save_pretrained(tmp_path)
    return ported.TFBertForMaskedLM.from_pretrained(tmp_path, from_pt=True)


NO_DROPOUT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}


def test_loss_and_all_gradients(model):
    torch_model = strong(BertForMaskedLM, **NO_DROPOUT)
    arrays = {"input_ids": IDS, "attention_mask": MASK, "labels": LABELS}
    expected = torch_model(**tensors("torch", **arrays)).loss
    expected.backward()
    named = named_variables(model)
    with tf.GradientTape() as tape:
        loss = model(tensors("tf", **arrays), training=True).loss
    gradients = tape.gradient(loss, {name: entry.variable.value for name, entry in named.items()})
    assert_matches(loss, expected)
    parameters = dict(torch_model.named_parameters())
    assert set(gradients) == set(parameters) - {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    for name, parameter in parameters.items():
        gradient = tf.convert_to_tensor(gradients[name])
        assert_matches(named[name].layout.to_torch(gradient.numpy()), parameter.grad)


def batches():
    return {
        "input_ids": np.tile(IDS, (4, 1)),
        "attention_mask": np.tile(MASK, (4, 1)),
        "labels": np.tile(LABELS, (4, 1)),
    }


def test_fit_shows_and_lowers_the_loss(model):
    before = float(model({**tensors("tf", **batches())}).loss)
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(batches(), batch_size=8, epochs=3, verbose=0).history["loss"]
    assert history[0] == pytest.approx(before, rel=1e-4)
    assert history[2] < history[1] < history[0]


def test_labels_beside_the_inputs(model):
    inputs = batches()
    labels = inputs.pop("labels")
    expected = float(model({**tensors("tf", **inputs)}, labels=tf.constant(labels)).loss)
    model.compile(keras.optimizers.SGD(0.0))
    found = model.fit(inputs, labels, batch_size=8, verbose=0).history["loss"][0]
    assert found == pytest.approx(expected, rel=1e-5)


def test_evaluate(model):
    model.compile()
    expected = float(model(tensors("tf", **batches())).loss)
    assert model.evaluate(batches(), batch_size=8, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_a_dataset_of_unknown_sizes(model):
    def examples():
        for length in (3, 5, 7):
            yield {"input_ids": IDS[:, :length], "labels": LABELS[:, :length]}

    spec = tf.TensorSpec([None, None], tf.int64)
    data = tf.data.Dataset.from_generator(examples, output_signature={"input_ids": spec, "labels": spec})
    data = data.apply(tf.data.experimental.assert_cardinality(3))
    model.compile("adam")
    assert np.isfinite(model.fit(data, shuffle=False, verbose=0).history["loss"][0])


def test_a_compiled_loss_takes_precedence(model):
    class LogitsOnly(keras.losses.Loss):
        def call(self, y_true, y_pred):
            return tf.reduce_mean(tf.square(y_pred), axis=[-1, -2])

    inputs = {"input_ids": IDS}
    model.compile("sgd", loss={"logits": LogitsOnly()})
    expected = float(tf.reduce_mean(tf.square(model(inputs).logits)))
    found = model.evaluate(inputs, {"logits": np.zeros((2, 7, 99), "float32")}, verbose=0)
    assert found == pytest.approx(expected, rel=1e-5)


def test_without_labels_there_is_no_loss(model):
    model.compile("sgd")
    with pytest.raises(ValueError, match="returned no loss"):
        model.fit({"input_ids": IDS}, verbose=0)


def test_predict_leaves_the_cache_out(tmp_path):
    decoder = ported.TFBertModel.from_config(config(is_decoder=True))
    outputs = decoder.predict({"input_ids": IDS}, verbose=0)
    assert set(outputs) == {"last_hidden_state", "pooler_output"}
    assert_matches(outputs["last_hidden_state"], decoder(IDS).last_hidden_state)


REPLICAS = """if True:
    import sys, keras, numpy as np, tensorflow as tf
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    from tests.runtime import modeling_tf_small_bert as ported
    from tests.runtime.small_bert import IDS, MASK

    batch = {"input_ids": IDS, "attention_mask": MASK, "labels": IDS}
    batch = {name: np.tile(value, (2, 1)) for name, value in batch.items()}
    found = []
    for strategy in (tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])):
        with strategy.scope():
            model = ported.TFBertForMaskedLM.from_pretrained(sys.argv[1])
            model.compile(keras.optimizers.SGD(0.1))
        data = tf.data.Dataset.from_tensor_slices(batch).batch(4)
        found.append((model.fit(data, verbose=0).history["loss"][0], model.get_weights()))
    (loss, weights), (loss_of_two, weights_of_two) = found
    assert abs(loss - loss_of_two) < 1e-5 * loss, (loss, loss_of_two)
    for one, two in zip(weights, weights_of_two, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
"""


def test_two_replicas_take_the_same_step_as_one(model, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "-c", REPLICAS, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_a_training_step_keeps_no_cache():
    decoder = ported.TFBertModel.from_config(config(is_decoder=True), add_pooling_layer=False)
    kept = []

    class Watching(type(decoder)):
        def call(self, *args, **kwargs):
            outputs = super().call(*args, **kwargs)
            kept.append(outputs.past_key_values)
            return outputs

    decoder.__class__ = Watching
    decoder.compile("sgd", loss={"last_hidden_state": "mse"}, run_eagerly=True)
    decoder.fit({"input_ids": IDS}, {"last_hidden_state": np.zeros((2, 7, 32), "float32")}, verbose=0)
    assert kept == [None]
    assert decoder(IDS, training=True).past_key_values is not None


def test_compiled_metrics_go_with_the_models_own_loss(model):
    class Confidence(keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(tf.reduce_max(tf.nn.softmax(y_pred), axis=-1))

    model.compile(keras.optimizers.SGD(0.0), metrics={"logits": Confidence(name="confidence")})
    inputs = {key: value for key, value in batches().items() if key != "labels"}
    history = model.fit(inputs, batches()["labels"], batch_size=8, verbose=0).history
    scores = tf.nn.softmax(model({**tensors("tf", **inputs)}).logits)
    assert history["confidence"][0] == pytest.approx(float(tf.reduce_mean(tf.reduce_max(scores, -1))), rel=1e-5)
    assert history["loss"][0] > 0


def test_dropout_only_in_training(tmp_path):
    model = ported.TFBertModel.from_config(config(hidden_dropout_prob=0.5))
    calm = model(IDS).last_hidden_state
    assert_matches(model(IDS, training=None).last_hidden_state, calm)
    assert float(tf.reduce_max(tf.abs(model(IDS, training=True).last_hidden_state - calm))) > 0.1
