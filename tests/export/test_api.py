"""The Python side: a declaration of inputs, an export with it, and the comparison of a file that lies there."""

import json

import numpy as np
import pytest

from porter.base.errors import UsageError
from porter.export import OnnxInputs, export_onnx, validate

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
AXES = {0: "rows", 1: "words"}


def test_a_declaration_keeps_its_order_and_tells_what_it_has():
    declared = OnnxInputs({"b": AXES, "a": {0: "rows"}}, outputs={"y": AXES}, samples={"a": [[1.5, 2.0]]})
    assert list(declared) == ["b", "a"]
    assert declared["b"] == AXES
    assert declared.outputs == {"y": AXES}
    assert declared.default_opset == 18
    assert declared.samples["a"].dtype == np.float32


def test_a_declaration_is_read_from_json(tmp_path):
    written = {"inputs": {"input_ids": {"0": "rows", "1": "words"}}, "default_opset": 17}
    (tmp_path / "sample.json").write_text(json.dumps(written))
    declared = OnnxInputs.read(tmp_path / "sample.json")
    assert dict(declared) == {"input_ids": AXES}
    assert declared.default_opset == 17
    for text in ("[]", "no json", '{"inputs": {"x": 3}}', '{"inputs": {}}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(UsageError, match="does not declare inputs"):
            OnnxInputs.read(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("rows", "sentence"), [([[1, 2], [3]], "not of one length"), ([["a", "b"]], "not hold numbers only")]
)
def test_samples_that_are_no_arrays_are_refused(tmp_path, rows, sentence):
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps({"inputs": {"input_ids": {"0": "batch"}}, "samples": {"input_ids": rows}}))
    with pytest.raises(UsageError, match=sentence) as caught:
        OnnxInputs.read(file)
    assert caught.value.place == str(file)


def test_a_declaration_decides_inputs_axes_and_opset(porter_export, checkpoint, tmp_path):
    sample = {
        "inputs": {name: {"0": "rows", "1": "words"} for name in ("attention_mask", "input_ids")},
        "default_opset": 20,
        "samples": {"input_ids": [[5, 6, 7], [8, 9, 4]], "attention_mask": [[1, 1, 1], [1, 1, 0]]},
    }
    (tmp_path / "sample.json").write_text(json.dumps(sample))
    words = ("--sample", tmp_path / "sample.json", "--json")
    run = porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "out", *words)
    assert run.exit_code == 0, run.output
    about = json.loads(run.stdout)["files"]["model.onnx"]
    assert [port["name"] for port in about["inputs"]] == ["attention_mask", "input_ids"]
    assert about["axes"]["logits"] == ["rows", "words", 99]
    assert about["opset"] == 20
    assert "the declaration's samples" in about["compared_on"]


def test_a_declaration_is_written_and_read_as_it_is():
    axes = {"input_ids": AXES}
    declared = OnnxInputs(axes, outputs={"logits": {0: "rows"}}, default_opset=17, samples={"input_ids": [[1, 2]]})
    again = OnnxInputs.of(json.loads(json.dumps(declared.described())))
    assert dict(again) == dict(declared) == axes
    assert (again.outputs, again.default_opset) == ({"logits": {0: "rows"}}, 17)
    assert again.samples["input_ids"].tolist() == [[1, 2]]
    assert repr(again) == "OnnxInputs({'input_ids': {0: 'rows', 1: 'words'}})"


def test_what_is_no_model_is_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="An object of type int is not a model"):
        export_onnx(42, tmp_path / "out")


def test_a_model_at_hand_is_exported_and_its_file_validated(checkpoint, tmp_path):
    import transformers

    load = transformers.ViTForImageClassification.from_pretrained
    model = load(checkpoint("vit"), attn_implementation="eager")
    exported = export_onnx(model, tmp_path / "out")
    file = exported.files[0]
    assert exported.matches
    assert validate(checkpoint("vit"), file).matches
    with torch.no_grad():
        model.classifier.bias += 1
    found = validate(model, file)
    assert not found.matches
    assert "logits differs" in " ".join(found.sentences())
    with pytest.raises(UsageError, match="not by ViTForImageClassification"):
        export_onnx(model, tmp_path / "other", feature="masked-im")
