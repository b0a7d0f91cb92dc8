"""What users most often get wrong, and the sentence that each of them reads: one line, a hint, exit code 2."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from porter.cli import app

WRONG = {
    "a model type with a slip": (
        ["scaffold", "brt"],
        "'brt' is neither a model type of the installed transformers nor a folder or file.",
        "did you mean bert?",
    ),
    "a model type in capitals": (
        ["scaffold", "Bert"],
        "'Bert' is neither a model type of the installed transformers nor a folder or file.",
        "did you mean bert?",
    ),
    "a checkpoint's name without its owner": (
        ["scaffold", "bert-base-uncased"],
        "'bert-base-uncased' is neither a model type of the installed transformers nor a folder or file.",
        "a Hub repository is written owner/name",
    ),
    "a class with a slip": (
        ["scaffold", "bert", "--class", "BertModl"],
        "There is no class 'BertModl'.",
        "did you mean BertModel?",
    ),
    "no model": (["scaffold"], "No model is named.", "porter scaffold NAME, or --from-file names.txt"),
    "an option with a slip": (["diff", "--modl", "x"], "There is no option --modl.", "did you mean --model?"),
    "a command with a slip": (["scafold", "bert"], "There is no command scafold.", "did you mean scaffold?"),
    "a rule with a slip": (["rules", "torch.tranpose"], "torch.tranpose has no rule.", "porter rules torch.transpose"),
    "a file as the output": (
        ["scaffold", "bert", "--output", "a_file"],
        "a_file  The output has to be a folder, and this is a file.",
        "--output FOLDER",
    ),
    "weights as the TensorFlow side": (
        ["diff", "--model", ".", "--tf", "a_file"],
        "a_file  This is not a Python file.",
        "--tf modeling_tf_NAME.py",
    ),
    "memory in words": (
        ["pt-to-tf", "--model", ".", "--no-pr", "--output", "o", "--max-memory", "lots"],
        "'lots' is not a size.",
        "--max-memory 4GB",
    ),
    "a folder that is to be proposed to": (
        ["pt-to-tf", "--model", ".", "--output", "o"],
        ". is a folder, so there is no repository to propose to.",
        "add --no-pr",
    ),
    "a folder that is not there": (
        ["diff", "--model", "./no-such-folder"],
        "There is no folder ./no-such-folder.",
        "give a folder or a Hub repository owner/name",
    ),
    "a page where a folder is": (
        ["diff", "--model", ".", "--html", "."],
        ".  The output has to be a file, and this is a folder.",
        "--html FILE",
    ),
    "inputs that are not there": (
        ["diff", "--model", ".", "--inputs", "inputs.npz"],
        "There is no file inputs.npz.",
        "--inputs FILE",
    ),
    "a format of export with a slip": (
        ["export", "onx", "--model", ".", "o"],
        "There is no format onx.",
        "did you mean onnx?",
    ),
    "an export without a folder": (
        ["export", "onnx", "--model", "."],
        "A model and a folder for the output are needed.",
        "porter export onnx --model ./my-model onnx/",
    ),
    "an option of another format": (
        ["export", "tflite", "--model", ".", "--opset", "17", "o"],
        "--opset does not go with tflite.",
        "porter export --help",
    ),
    "a feature of no model": (
        ["export", "onnx", "--list-features", "brt"],
        "'brt' is neither a model type of the installed transformers nor a folder or file.",
        "did you mean bert?",
    ),
    "a bound that allows everything": (
        ["export", "onnx", "--model", ".", "--atol", "inf", "o"],
        "--atol inf allows every difference.",
        "--atol 1e-3",
    ),
    "a list of models that is not there": (
        ["scaffold", "--from-file", "names.txt"],
        "There is no file names.txt.",
        "--from-file FILE",
    ),
    "a recording in place of a model": (
        ["record", "--model", "a_file", "--output", "a.rec"],
        "There is no folder a_file.",
        "give a folder or a Hub repository owner/name",
    ),
    "a framework with a slip": (
        ["record", "--model", ".", "--framework", "tensorfow", "--output", "a.rec"],
        "There is no framework tensorfow.",
        "did you mean --framework tensorflow?",
    ),
    "an adapter that is not merged": (
        ["pt-to-tf", "--model", "adapter", "--no-pr", "--output", "o"],
        "adapter/adapter_config.json  This is an adapter that is not merged into the model's weights.",
        "merge_and_unload()",
    ),
    "an unknown format": (
        ["pt-to-tf", "--model", ".", "--no-pr", "--output", "o", "--format", "safetensor"],
        "There is no format safetensor.",
        "did you mean --format safetensors?",
    ),
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a_file").write_bytes(b"\x89HDF")
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("arguments", "sentence", "hint"), WRONG.values(), ids=WRONG.keys())
def test_a_sentence_and_a_hint(folder: Path, arguments: list[str], sentence: str, hint: str) -> None:
    shown = CliRunner().invoke(app, arguments)
    errors = [line for line in shown.stderr.splitlines() if line.startswith("error: ")]
    assert shown.exit_code == 2, shown.output
    assert [sentence in line for line in errors] == [True], shown.stderr
    assert hint in shown.stderr.partition("  hint: ")[2]
    assert sorted(path.name for path in folder.iterdir()) == ["a_file", "adapter"]


@pytest.mark.parametrize(("arguments", "sentence", "hint"), WRONG.values(), ids=WRONG.keys())
def test_the_same_as_json(arguments: list[str], sentence: str, hint: str) -> None:
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    error = json.loads(shown.stdout)["error"]
    assert shown.exit_code == error["exit_code"] == 2
    assert sentence in f"{error['place']}  {error['sentence']}".strip()
    assert hint in error["hint"]
    assert "error:" not in shown.stderr


def test_an_option_without_its_value_is_not_unknown() -> None:
    shown = CliRunner().invoke(app, ["diff", "--tf"])
    assert (shown.exit_code, shown.stderr) == (
        2,
        "error: Option '--tf' requires an argument.\n  hint: porter --help\n",
    )
