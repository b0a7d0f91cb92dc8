"""Features by name: those that a model type has, and a sentence for each that it has not."""

import json
import shutil

import pytest

from porter.export import features

pytest.importorskip("torch")


def test_features_of_model_types():
    assert {"default", "masked-lm", "token-classification", "question-answering"} < set(features("bert"))
    assert {"default-with-past", "causal-lm", "causal-lm-with-past"} < set(features("gpt2"))
    assert {"seq2seq-lm", "seq2seq-lm-with-past"} < set(features("t5"))
    assert "speech2seq-lm-with-past" in features("whisper")
    assert {"image-classification", "masked-im"} < set(features("vit"))
    assert "audio-classification" in features("wav2vec2")


def test_an_encoder_has_no_cache():
    assert not [name for name in features("bert") if name.endswith("-with-past")]
    assert not [name for name in features("vit") if name.endswith("-with-past")]


def test_features_are_listed(porter_export, checkpoint):
    run = porter_export("onnx", "--list-features", checkpoint("bert"))
    assert run.exit_code == 0
    assert "masked-lm" in run.output
    assert "BertForMaskedLM" in run.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--feature", "masked-ml"), "There is no feature masked-ml.\n  hint: did you mean masked-lm?"),
        (("--feature", "image-classification"), "bert has no class for the feature image-classification."),
        (("--feature", "masked-lm-with-past"), "bert has no cache for masked-lm-with-past."),
        (("--feature", "sequence-classification"), "lacks weights of BertForSequenceClassification"),
        (("--opset", "99"), "porter does not write opset 99; it writes 10 to "),
        (("--opset", "9"), "porter does not write opset 9; it writes 10 to "),
        (("--inputs", "nowhere.npz"), "There is no file nowhere.npz."),
        (("--sample", "nowhere.json"), "There is no file nowhere.json."),
    ],
)
def test_bad_input_is_one_sentence(porter_export, checkpoint, tmp_path, words, sentence):
    run = porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "out", *words)
    assert run.exit_code == 2
    assert sentence in run.output
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments_are_one_sentence(porter_export, checkpoint, tmp_path):
    assert "There is no format paper" in porter_export("paper", "--model", checkpoint("bert"), tmp_path / "out").output
    assert "A model and a folder" in porter_export("onnx").output
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "file").touch()
    run = porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "there")
    assert run.exit_code == 2
    assert "exists already" in run.output


@pytest.mark.parametrize("words", [("--list-features",), ("--model",)], ids=["listed", "exported"])
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"num_labels": 10**9}, "The configuration says num_labels=1000000000, and "),
        ({"num_hidden_layers": 10**9}, "The configuration says num_hidden_layers=1000000000, and "),
        (
            {"vocab_size": "many"},
            "BertConfig does not take this configuration: Validation error for field 'vocab_size'",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_before_it_is_made(
    porter_export, checkpoint, tmp_path, words, changes, sentence
):
    model = shutil.copytree(checkpoint("bert"), tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, **changes}))
    run = porter_export("onnx", *words, model, *([tmp_path / "onnx"] if words == ("--model",) else []))
    assert run.exit_code == 2, run.output
    assert sentence in run.output
    assert not (tmp_path / "onnx").exists()
