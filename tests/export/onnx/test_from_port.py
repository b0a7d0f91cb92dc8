"""ONNX files of the port, by tf2onnx: they match PyTorch under the same names."""

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("tf2onnx")


def test_a_port_with_gelu_matches_in_onnxruntime(porter_export, checkpoint, port, tmp_path):
    words = ("--framework", "tf", "--tf", port("bert"), "--opset", 17, "--json")
    run = porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "out", *words)
    assert run.exit_code == 0, run.output
    about = json.loads(run.stdout[run.stdout.index("{") :])["files"]["model.onnx"]
    assert about["framework"] == "tf"
    assert {each["name"] for each in about["inputs"]} == {"input_ids", "attention_mask", "token_type_ids"}
    assert [each["name"] for each in about["outputs"]] == ["logits"]
    assert about["inputs"][0]["shape"] == [None, None]


def test_other_frameworks_and_opsets_are_one_sentence(porter_export, checkpoint, port, tmp_path):
    words = ("onnx", "--model", checkpoint("vit"), tmp_path / "out", "--tf", port("vit"), "--framework")
    assert "There is no framework jax." in porter_export(*words, "jax").output
    run = porter_export(*words, "tf", "--opset", 24)
    assert run.exit_code == 2
    assert "tf2onnx does not write opset 24." in run.output
    assert not (tmp_path / "out").exists()
