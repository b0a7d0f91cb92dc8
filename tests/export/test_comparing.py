"""The command that export.json gives to compare a file again works for everything that is written."""

import json
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from porter.base.errors import UsageError
from porter.cli import app
from porter.export import export_onnx, validate
from porter.export.comparing import check_traced, described
from porter.subject.inputs.trials import Trial

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")


def verified(folder):
    """Each file's command, run."""
    commands = json.loads((folder / "export.json").read_text())["verify"]
    assert commands
    for command in commands:
        name, *words = shlex.split(command)
        assert name == "porter"
        run = CliRunner().invoke(app, words)
        assert run.exit_code == 0, f"{command}\n{run.output}"
        yield command, run.output


@pytest.mark.parametrize(("family", "feature"), [("llama", "causal-lm-with-past"), ("t5", "seq2seq-lm-with-past")])
def test_files_with_keys_and_values(checkpoint, tmp_path, family, feature):
    export_onnx(checkpoint(family), tmp_path / "out", feature=feature)
    said = dict(verified(tmp_path / "out"))
    assert len(said) == {"llama": 1, "t5": 3}[family]
    assert all("match" in output for output in said.values())


def test_another_class_and_quantized_files(checkpoint, tmp_path):
    export_onnx(checkpoint("gpt2"), tmp_path / "out", feature="default", quantize="dynamic")
    said = dict(verified(tmp_path / "out"))
    assert ["--tolerance" in command for command in said] == [False, True]
    assert ["only outputs were compared" in output for output in said.values()] == [False, True]
    _, *words, option, _ = shlex.split(list(said)[1])
    assert option == "--tolerance"
    assert CliRunner().invoke(app, words).exit_code == 1  # what it lost is a difference to the usual bound


def test_declared_and_given_inputs_are_those_of_the_comparison(porter_export, checkpoint, tmp_path):
    from transformers import BertForMaskedLM

    axes = {0: "batch", 1: "sequence"}
    model = BertForMaskedLM.from_pretrained(checkpoint("bert")).train()
    exported = export_onnx(model, tmp_path / "at hand", inputs={"input_ids": axes, "attention_mask": axes})
    assert validate(checkpoint("bert"), exported.files[0]).matches  # it takes no token types
    assert all(module.training for module in model.modules())
    assert "Embedding" not in repr(exported)

    inputs = tmp_path / "inputs.npz"
    np.savez(inputs, inputs_embeds=np.ones((2, 3, 32), np.float32))
    assert porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "out", "--inputs", inputs).exit_code == 0
    ((command, output),) = verified(tmp_path / "out")
    assert str(inputs) in command
    assert "logits matches" in output


def test_signatures_of_a_saved_model(porter_export, checkpoint, port, tmp_path):
    words = ("saved-model", "--model", checkpoint("gpt2"), tmp_path / "out", "--tf", port("gpt2"))
    assert porter_export(*words).exit_code == 0
    commands = [command for command, _ in verified(tmp_path / "out")]
    assert [command.rpartition("--signature ")[2] for command in commands][1:] == ["decode"]
    found = validate(checkpoint("gpt2"), tmp_path / "out" / "saved_model", signature="decode")
    assert found.matches
    assert found.piece.signature == "decode"


def test_files_of_one_size(porter_export, checkpoint, tmp_path):
    words = ("torchscript", "--model", checkpoint("bert"), tmp_path / "out", "--batch", 3, "--max-length", 9)
    assert porter_export(*words).exit_code == 0
    assert list(verified(tmp_path / "out"))


def test_what_differs_afterwards_is_found(checkpoint, tmp_path):
    import onnx

    export_onnx(checkpoint("llama"), tmp_path / "out", feature="causal-lm-with-past")
    file = tmp_path / "out" / "model.onnx"
    model = onnx.load(file)
    node = next(node for node in model.graph.node if node.op_type == "Softmax")
    node.attribute[0].i = 1  # over the heads
    onnx.save(model, file)
    run = CliRunner().invoke(app, ["diff", "--model", str(checkpoint("llama")), "--candidate", str(file)])
    assert run.exit_code == 1, run.output
    assert "self_attn" in run.output


def test_a_spoiled_description_is_one_sentence(checkpoint, tmp_path):
    export_onnx(checkpoint("vit"), tmp_path / "out")
    for text in ("[]", '{"files": {"model.onnx": {}}}', "{"):
        (tmp_path / "out" / "export.json").write_text(text)
        words = ["diff", "--model", str(checkpoint("vit")), "--candidate", str(tmp_path / "out" / "model.onnx")]
        run = CliRunner().invoke(app, words)
        assert run.exit_code == 2, run.output
        assert "export.json" in run.output


def told(folder, traced):
    """A file whose export.json says that it was traced with these sizes."""
    about = {"model.onnx": {"part": "", "traced": traced}}
    whole = {"format": "onnx", "class": "BertModel", "feature": "default", "files": about}
    (folder / "export.json").write_text(json.dumps(whole))
    return folder / "model.onnx"


@pytest.mark.parametrize("sizes", [[-1, -5], [0, 4], [], [10**6, 10**6], ["x"], 3], ids=str)
def test_sizes_that_no_input_has_are_refused_before_one_is_made(tmp_path, sizes):
    with pytest.raises(UsageError, match="is not what porter export writes"):
        described(told(tmp_path, {"input_ids": sizes}))


def test_inputs_that_the_class_does_not_have_are_named(tmp_path):
    trial = Trial("2 tokens", {"input_ids": np.ones((1, 2), np.int64)})
    check_traced(described(told(tmp_path, {"input_ids": [1, 2]})), trial)
    with pytest.raises(UsageError, match="BertModel has no input other"):
        check_traced(described(told(tmp_path, {"other": [1, 2]})), trial)
