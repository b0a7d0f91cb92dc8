import json
import logging

import keras
import numpy as np
import pytest
import safetensors.numpy
import tensorflow as tf
import torch
from transformers import BertForMaskedLM, BertModel, BertPreTrainedModel, modeling_layers

from porter.runtime.model.names import named_variables
from porter.runtime.stored.tensor_source import CheckpointError
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.compare import assert_matches
from tests.runtime.small_bert import IDS, MASK, config, strong, tensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of BertForMaskedLM."""
    path = tmp_path_factory.mktemp("masked_lm")
    strong(BertForMaskedLM).save_pretrained(path)
    return path


def load(folder, tf_class=ported.TFBertForMaskedLM, **kwargs):
    return tf_class.from_pretrained(folder, output_loading_info=True, **kwargs)


NOTHING = {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": []}


def assert_same_outputs(found, expected):
    assert list(found) == list(expected)
    for key, value in expected.items():
        if isinstance(value, tuple):
            assert len(found[key]) == len(value)
            for one, other in zip(found[key], value, strict=True):
                assert_matches(one, other)
        elif key != "past_key_values":
            assert_matches(found[key], value)


EVERYTHING = {"output_hidden_states": True, "output_attentions": True}


def test_all_outputs_eager_graph_and_xla(folder):
    model, info = load(folder, from_pt=True)
    assert info == NOTHING
    arrays = {"input_ids": IDS, "attention_mask": MASK}
    expected = strong(BertForMaskedLM)(**tensors("torch", **arrays), **EVERYTHING)
    inputs = tensors("tf", **arrays)
    assert_same_outputs(model(**inputs, **EVERYTHING), expected)
    unknown = {name: tf.TensorSpec([None, None], tf.int64) for name in arrays}
    graph = tf.function(lambda **kwargs: model(**kwargs, **EVERYTHING)).get_concrete_function(**unknown)
    assert_same_outputs(graph(**inputs), expected)
    compiled = tf.function(lambda **kwargs: model(**kwargs, **EVERYTHING), jit_compile=True)
    assert_same_outputs(compiled(**inputs), expected)


def test_float64():
    torch_model = strong(BertForMaskedLM).double()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = ported.TFBertForMaskedLM(config())
        model.build()
        state = torch_model.state_dict()
        for name, entry in named_variables(model).items():
            entry.variable.assign(entry.layout.to_keras(state[name].numpy()))
        found = model(tf.constant(IDS), attention_mask=tf.constant(MASK))
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    assert found.logits.dtype == tf.float64
    assert_matches(found.logits, torch_model(torch.tensor(IDS), torch.tensor(MASK)).logits, bound=1e-12)


def test_steps_with_cache(tmp_path):
    torch_model = strong(BertModel, is_decoder=True)
    torch_model.save_pretrained(tmp_path)
    model, info = load(tmp_path, ported.TFBertModel, from_pt=True)
    assert info == NOTHING
    step = tf.function(lambda ids, cache: model(ids, past_key_values=cache, use_cache=True), reduce_retracing=True)
    theirs = ours = in_graph = None
    for ids in (IDS[:, :4], IDS[:, 4:5], IDS[:, 5:6], IDS[:, 6:]):
        theirs_out = torch_model(torch.tensor(ids), past_key_values=theirs, use_cache=True)
        ours_out = model(tf.constant(ids), past_key_values=ours, use_cache=True)
        graph_out = step(tf.constant(ids), in_graph)
        theirs, ours, in_graph = (out.past_key_values for out in (theirs_out, ours_out, graph_out))
        assert_same_outputs(ours_out, theirs_out)
        assert_same_outputs(graph_out, theirs_out)
        assert ours.get_seq_length() == int(in_graph.get_seq_length()) == theirs.get_seq_length()


def test_saved_weights_are_read_back(folder, tmp_path):
    model, _ = load(folder, from_pt=True)
    model.save_pretrained(tmp_path)
    again, info = load(tmp_path)
    assert info == NOTHING
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["BertForMaskedLM"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "tf_model.safetensors"]
    np.testing.assert_array_equal(again(IDS).logits, model(IDS).logits)
    base, info = load(tmp_path, ported.TFBertModel)
    assert info["missing_keys"] == ["bert/pooler/dense/kernel", "bert/pooler/dense/bias"]
    np.testing.assert_array_equal(base(IDS).last_hidden_state, model.bert(IDS).last_hidden_state)


def test_keras_file(folder, tmp_path):
    model, _ = load(folder, from_pt=True)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, ported.TFBertForMaskedLM)
    np.testing.assert_array_equal(again(IDS).logits, model(IDS).logits)


def test_keras_file_remembers_the_constructors_arguments(tmp_path):
    model = ported.TFBertModel(config(), add_pooling_layer=False)
    model.build()
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").bert.pooler is None


def test_main_layer_in_a_functional_model(folder, tmp_path):
    model, _ = load(folder, from_pt=True)
    ids, mask = keras.Input((None,), dtype="int64"), keras.Input((None,), dtype="int64")
    functional = keras.Model([ids, mask], model.bert(ids, attention_mask=mask).last_hidden_state)
    functional.save(tmp_path / "functional.keras")
    again = keras.models.load_model(tmp_path / "functional.keras")
    expected = model.bert(IDS, attention_mask=tf.constant(MASK)).last_hidden_state
    assert_matches(again([tf.constant(IDS), tf.constant(MASK)]), expected)


def test_saved_model(folder, tmp_path):
    model, _ = load(folder, from_pt=True)

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int64)])
    def serve(input_ids):
        return {"logits": model(input_ids).logits}

    tf.saved_model.save(model, tmp_path, signatures=serve)
    served = tf.saved_model.load(tmp_path).signatures["serving_default"]
    assert_matches(served(input_ids=tf.constant(IDS))["logits"], model(IDS).logits)


def test_base_and_head_read_each_others_checkpoints(folder, tmp_path):
    base, info = load(folder, ported.TFBertModel, from_pt=True)
    assert info["missing_keys"] == ["pooler.dense.weight", "pooler.dense.bias"]
    assert all(name.startswith("cls.predictions.") for name in info["unexpected_keys"])
    expected = strong(BertForMaskedLM).bert(torch.tensor(IDS)).last_hidden_state
    assert_matches(base(IDS).last_hidden_state, expected)

    strong(BertModel).save_pretrained(tmp_path)
    head, info = load(tmp_path, from_pt=True)
    assert set(info["unexpected_keys"]) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert "cls.predictions.transform.dense.weight" in info["missing_keys"]
    assert not any("decoder" in name or name.startswith("bert.") for name in info["missing_keys"])
    expected = strong(BertModel)(torch.tensor(IDS)).last_hidden_state
    assert_matches(head.bert(IDS).last_hidden_state, expected)


def rewritten(folder, path, change):
    """The checkpoint of `folder` in `path`, its tensors changed."""
    (path / "config.json").write_text((folder / "config.json").read_text())
    state = safetensors.numpy.load_file(folder / "model.safetensors")
    safetensors.numpy.save_file(change(dict(state)), path / "model.safetensors")
    return path


def test_old_names_of_norms(folder, tmp_path):
    old = {"weight": "gamma", "bias": "beta"}

    def change(state):
        renamed = {}
        for name, array in state.items():
            base, norm, parameter = name.rpartition("LayerNorm.")
            renamed[f"{base}LayerNorm.{old[parameter]}" if norm else name] = array
        return {**renamed, "bert.embeddings.position_ids": np.arange(40)[None]}

    model, info = load(rewritten(folder, tmp_path, change), from_pt=True)
    assert info == NOTHING
    assert_matches(model(IDS).logits, strong(BertForMaskedLM)(torch.tensor(IDS)).logits)


def test_a_wrong_shape_is_refused(folder, tmp_path):
    name = "bert.encoder.layer.1.output.dense.weight"

    def change(state):
        return {**state, name: np.ascontiguousarray(state[name].T)}

    rewritten(folder, tmp_path, change)
    with pytest.raises(CheckpointError, match=rf"{name} has shape \[37, 32\] .* \[32, 37\]"):
        load(tmp_path, from_pt=True)
    _, info = load(tmp_path, from_pt=True, ignore_mismatched_sizes=True)
    assert info["mismatched_keys"] == [(name, (37, 32), (32, 37))]


def test_missing_weights_are_named_and_drawn(folder, tmp_path, caplog):
    name = "bert.encoder.layer.1.output.dense.weight"
    rewritten(folder, tmp_path, lambda state: {key: value for key, value in state.items() if key != name})
    with caplog.at_level(logging.WARNING):
        model, info = load(tmp_path, from_pt=True)
    assert info["missing_keys"] == [name]
    assert name in caplog.text
    assert 0.015 < float(np.std(model.bert.encoder.layer[1].output_.dense.kernel)) < 0.025


def test_ties_that_the_checkpoint_contradicts(folder, tmp_path):
    own = np.random.default_rng(1).normal(size=(99, 32)).astype("float32")
    rewritten(folder, tmp_path, lambda state: {**state, "cls.predictions.decoder.weight": own})
    model, info = load(tmp_path, from_pt=True)
    assert info == NOTHING
    np.testing.assert_array_equal(model.cls.predictions.decoder.kernel.numpy(), own.T)
    model.save_pretrained(tmp_path / "tf")
    again, info = load(tmp_path / "tf")
    assert info == NOTHING
    np.testing.assert_array_equal(again(IDS).logits, model(IDS).logits)


def test_a_checkpoint_with_the_tied_name_only(folder, tmp_path):
    def change(state):
        source = "bert.embeddings.word_embeddings.weight"
        state["cls.predictions.decoder.weight"] = state.pop(source)
        return state

    model, info = load(rewritten(folder, tmp_path, change), from_pt=True)
    assert info == NOTHING
    assert_matches(model(IDS).logits, strong(BertForMaskedLM)(torch.tensor(IDS)).logits)


def test_untied_by_config(tmp_path):
    torch_model = strong(BertForMaskedLM, tie_word_embeddings=False)
    torch_model.save_pretrained(tmp_path)
    model, info = load(tmp_path, from_pt=True)
    assert info == NOTHING
    assert_matches(model(IDS).logits, torch_model(torch.tensor(IDS)).logits)
    assert model.num_parameters() == torch_model.num_parameters()


def test_sharded_checkpoint(tmp_path):
    strong(BertForMaskedLM).save_pretrained(tmp_path, max_shard_size="40KB")
    assert not (tmp_path / "model.safetensors").exists()
    model, info = load(tmp_path, from_pt=True)
    assert info == NOTHING
    assert_matches(model(IDS).logits, strong(BertForMaskedLM)(torch.tensor(IDS)).logits)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_read_exactly(tmp_path, dtype):
    half = strong(BertModel).to(dtype)
    half.save_pretrained(tmp_path)
    model, info = load(tmp_path, ported.TFBertModel, from_pt=True)
    assert info == NOTHING
    np.testing.assert_array_equal(
        model.bert.pooler.dense.kernel.numpy().T, half.pooler.dense.weight.detach().float().numpy()
    )


def test_bin_file(tmp_path):
    torch_model = strong(BertModel)
    torch_model.config.save_pretrained(tmp_path)
    torch.save(torch_model.state_dict(), tmp_path / "pytorch_model.bin")
    model, info = load(tmp_path, ported.TFBertModel, from_pt=True)
    assert info == NOTHING
    assert_matches(model(IDS).last_hidden_state, torch_model(torch.tensor(IDS)).last_hidden_state)


@pytest.mark.parametrize(
    ("files", "from_pt", "sentence"),
    [
        ([], True, "has no config.json"),
        (["config.json"], True, "holds no PyTorch weights"),
        (["config.json"], False, "holds no TensorFlow weights"),
    ],
)
def test_incomplete_folders(folder, tmp_path, files, from_pt, sentence):
    for name in files:
        (tmp_path / name).write_text((folder / name).read_text())
    with pytest.raises(CheckpointError, match=sentence):
        ported.TFBertForMaskedLM.from_pretrained(tmp_path, from_pt=from_pt)


def test_where_only_torch_weights_are_they_are_read(folder):
    with pytest.raises(CheckpointError) as caught:
        ported.TFBertForMaskedLM.from_pretrained(folder, from_pt=False)
    assert "from_pt=True" in caught.value.hint
    model, info = load(folder)
    assert info == NOTHING
    np.testing.assert_array_equal(model(IDS).logits, load(folder, from_pt=True)[0](IDS).logits)


def test_tensorflow_weights_come_first(folder, tmp_path):
    both = tmp_path / "both"
    strong(BertForMaskedLM).save_pretrained(both)
    changed, _ = load(folder)
    changed.bert.embeddings.word_embeddings.embeddings.assign_add(tf.ones((99, 32)))
    changed.save_pretrained(both)
    np.testing.assert_array_equal(load(both)[0](IDS).logits, changed(IDS).logits)
    assert np.max(np.abs(load(both, from_pt=True)[0](IDS).logits - changed(IDS).logits)) > 1e-3


@pytest.mark.parametrize(("old", "new"), [("bert/pooler", "bert/gone"), ("cls/predictions/transform", "cls/other")])
def test_a_class_must_find_and_use_every_weight_that_it_saved(tmp_path, old, new):
    model = ported.TFBertForMaskedLM.from_config(config())
    model.save_pretrained(tmp_path)
    file = tmp_path / "tf_model.safetensors"
    arrays = {name.replace(old, new): array for name, array in safetensors.numpy.load_file(file).items()}
    if not any(new in name for name in arrays):
        arrays[f"{new}/kernel"] = np.zeros(3, "float32")
    safetensors.numpy.save_file(arrays, file)
    with pytest.raises(CheckpointError, match=r"wrote this checkpoint, but \d+ of its weights are not found"):
        load(tmp_path)


def test_no_folder_and_no_repository(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(CheckpointError, match="is not a folder, and the Hub did not give"):
        ported.TFBertForMaskedLM.from_pretrained("nobody/nothing", local_files_only=True, cache_dir=tmp_path)


def test_fresh_weights_are_drawn_as_transformers_draws_them():
    keras.utils.set_random_seed(0)
    model = ported.TFBertForMaskedLM.from_config(config(initializer_range=0.1))
    torch.manual_seed(0)
    torch_model = BertForMaskedLM(config(initializer_range=0.1))
    expected = {name: parameter.detach() for name, parameter in torch_model.named_parameters()}
    for name, entry in named_variables(model).items():
        found, other = np.std(entry.variable), float(expected[name].std(correction=0))
        assert found == pytest.approx(other, rel=0.15, abs=1e-6), name
        assert np.mean(entry.variable) == pytest.approx(float(expected[name].mean()), abs=0.05), name


def test_building_twice_changes_nothing():
    model = ported.TFBertForMaskedLM.from_config(config())
    before = [variable.numpy() for variable in model.variables]
    model.build()
    for variable, array in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), array)


def test_config_attributes_can_be_overridden(folder):
    model = ported.TFBertForMaskedLM.from_pretrained(folder, from_pt=True, output_attentions=True)
    assert model.config.output_attentions is True
    assert len(model(IDS).attentions) == 3


def test_embeddings_and_sizes(folder):
    model, _ = load(folder, from_pt=True)
    torch_model = strong(BertForMaskedLM)
    assert model.get_input_embeddings() is model.bert.embeddings.word_embeddings
    assert model.num_parameters() == torch_model.num_parameters()
    assert model.base_model is model.bert


@pytest.mark.parametrize("head", ["SequenceClassification", "TokenClassification", "QuestionAnswering"])
def test_generic_heads(head, tmp_path):
    torch_base = getattr(modeling_layers, f"GenericFor{head}")
    torch_class = type(f"BertFor{head}", (torch_base, BertPreTrainedModel), {})
    torch_model = strong(torch_class, is_decoder=True, num_labels=3, pad_token_id=0)
    torch_model.save_pretrained(tmp_path)
    model, info = load(tmp_path, getattr(ported, f"TFBertFor{head}"), from_pt=True)
    assert info["missing_keys"] == info["unexpected_keys"] == info["mismatched_keys"] == []
    labels = {
        "SequenceClassification": {"labels": np.array([2, 0])},
        "TokenClassification": {"labels": IDS % 3},
        "QuestionAnswering": {"start_positions": np.array([1, 3]), "end_positions": np.array([2, 9])},
    }[head]
    ids = np.where(MASK == 1, IDS, 0)
    arrays = {"input_ids": ids, "attention_mask": MASK, **labels}
    expected = torch_model(**tensors("torch", **arrays), output_hidden_states=True, use_cache=False)
    switches = {} if head == "QuestionAnswering" else {"use_cache": False}
    found = model(tensors("tf", **arrays), output_hidden_states=True, **switches)
    assert_same_outputs({key: found[key] for key in expected if key != "past_key_values"}, expected)


def test_generic_heads_hand_on_what_the_base_model_takes(tmp_path):
    torch_class = type(
        "BertForTokenClassification", (modeling_layers.GenericForTokenClassification, BertPreTrainedModel), {}
    )
    torch_model = strong(torch_class, num_labels=3)
    torch_model.save_pretrained(tmp_path)
    model, _ = load(tmp_path, ported.TFBertForTokenClassification, from_pt=True)
    arrays = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": IDS % 2}
    expected = torch_model(**tensors("torch", **arrays))
    assert_same_outputs({"logits": model(**tensors("tf", **arrays))["logits"]}, {"logits": expected["logits"]})
    with pytest.raises(TypeError, match="takes no pixel_values"):
        model(IDS, pixel_values=IDS)


def test_several_sequences_need_a_padding_token():
    model = ported.TFBertForSequenceClassification.from_config(config(is_decoder=True, pad_token_id=None))
    with pytest.raises(ValueError, match="pad_token_id"):
        model(IDS)


def test_a_model_has_no_device_to_pass_on(folder):
    assert load(folder)[0].device is None
