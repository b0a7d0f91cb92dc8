"""Checkpoints of heads that need no pooler, exported as the model that has one."""

import pytest

pytest.importorskip("torch")
from porter.export.loaded_model import POOLING, load
from porter.subject.torch_checkpoint import LacksWeights


def test_a_pooler_that_was_never_trained_is_left_out(checkpoint):
    loaded = load(checkpoint("bert"), "BertModel", False)
    assert loaded.torch.pooler is None
    assert loaded.constructor == {POOLING: False}
    assert "pooler" in loaded.notes[0]


def test_what_the_checkpoint_has_is_loaded_whole(checkpoint):
    loaded = load(checkpoint("bert"), "BertForMaskedLM", False)
    assert (dict(loaded.constructor), loaded.notes) == ({}, ())


def test_other_weights_that_are_missing_are_an_error(checkpoint):
    with pytest.raises(LacksWeights, match=r"bert\.pooler\.dense\.bias"):
        load(checkpoint("bert"), "BertForSequenceClassification", False)


def test_half_a_pooler_is_an_error(tmp_path):
    import safetensors.torch
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=20, **sizes)).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    tensors = safetensors.torch.load_file(weights)
    del tensors["pooler.dense.bias"]
    safetensors.torch.save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(LacksWeights, match=r"pooler\.dense\.bias"):
        load(tmp_path, "BertModel", False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "saved-model"])
def test_the_file_has_no_pooler_and_says_so(porter_export, checkpoint, tmp_path, name):
    run = porter_export(name, "--model", checkpoint("bert"), tmp_path / "out", "--feature", "default")
    assert run.exit_code == 0, run.output
    assert "note: the checkpoint has no weights for a pooler, so the file has none." in run.output
    assert "last_hidden_state" in run.output and "pooler_output" not in run.output
