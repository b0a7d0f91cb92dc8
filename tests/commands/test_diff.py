"""`porter diff` and `porter record` on a tiny checkpoint and its scaffolded port."""

import json
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from porter.cli import app


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder with weights and the TensorFlow file beside them."""
    from transformers import BertConfig, BertModel

    from porter.sample import strengthen
    from porter.scaffold import Options, run

    folder = tmp_path_factory.mktemp("checkpoint")
    config = BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    model = BertModel(config).eval()
    strengthen(model)
    model.save_pretrained(folder)
    run(Options("bert", folder, ("BertModel",), None, False))
    return SimpleNamespace(folder=str(folder), file=folder / "modeling_tf_bert.py")


def porter(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)


def test_a_true_port_matches(checkpoint):
    done = porter("diff", "--model", checkpoint.folder, "--layer-by-layer")
    assert done.code == 0
    assert "encoder.layer.1.attention.self.query" in done.out
    assert "2 tensors match" in done.out


def test_a_planted_mistake_gives_its_line_as_json_and_in_files(checkpoint, tmp_path):
    text = checkpoint.file.read_text()
    assert "hidden_states[:, 0]" in text
    wrong = tmp_path / "modeling_tf_wrong.py"
    wrong.write_text(text.replace("hidden_states[:, 0]", "hidden_states[:, 1]"))
    done = porter(
        "diff", "--model", checkpoint.folder, "--tf", f"{wrong}:TFBertModel", "--json",
        "--html", str(tmp_path / "r.html"), "--junit", str(tmp_path / "r.xml"),
    )  # fmt: skip
    report = json.loads(done.out)
    line = 1 + text.split("hidden_states[:, 0]")[0].count("\n")
    assert done.code == 1
    assert (report["origin"]["path"], report["origin"]["tf_line"]) == ("pooler", line)
    assert report["origin"]["torch_file"].endswith("modeling_bert.py")
    assert "hidden_states[:, 0]" in report["origin"]["cause"]
    assert (tmp_path / "r.html").stat().st_size > (tmp_path / "r.xml").stat().st_size > 0


def test_two_recordings(checkpoint, tmp_path):
    one, two = str(tmp_path / "a.rec"), str(tmp_path / "b.rec")
    assert porter("record", "--model", checkpoint.folder, "--output", one).code == 0
    done = porter(
        "record", "--model", checkpoint.folder, "--framework", "tensorflow", "--inputs", one, "--output", two
    )
    assert done.code == 0
    assert porter("diff", one, two).code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["diff"], "Either --model or two recordings"),
        (["diff", "--model", "./nowhere"], "There is no folder ./nowhere"),
        (["diff", "--model", "{folder}", "--tolerance", "-1"], "is not between 0 and 1"),
        (["diff", "--model", "{folder}", "--tf", "missing.py"], "There is no TensorFlow file missing.py"),
        (["diff", "--model", "{folder}", "--tf", "{file}:TFNothing"], "has no class TFNothing"),
        (["diff", "{folder}/config.json", "{folder}/config.json"], "is no recording"),
        (["record", "--model", "{folder}", "--output", "x", "--framework", "jax"], "There is no framework jax"),
    ],
)
def test_bad_input_is_one_sentence(checkpoint, arguments, sentence):
    done = porter(*(argument.format(folder=checkpoint.folder, file=checkpoint.file) for argument in arguments))
    assert done.code == 2
    assert sentence in done.err


def test_inputs_that_do_not_fit(checkpoint, tmp_path):
    file = tmp_path / "inputs.json"
    file.write_text('{"input_ids": [[1, 2, 1000]]}')
    done = porter("diff", "--model", checkpoint.folder, "--inputs", str(file))
    assert done.code == 2
    assert "PyTorch does not run on these inputs" in done.err
    file.write_text('{"pixels": [[1]]}')
    assert "takes no input pixels" in porter("diff", "--model", checkpoint.folder, "--inputs", str(file)).err
