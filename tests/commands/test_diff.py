"""`porter diff` and `porter record` on a tiny checkpoint and its scaffolded port."""

import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import h5py
import pytest
from typer.testing import CliRunner

from porter.base.installed import EXTRAS, with_extra
from porter.cli import app


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A folder with weights and the TensorFlow file beside them."""
    from transformers import BertConfig, BertModel

    from porter.port.chain import Options, run
    from porter.subject.strong_weights import strengthen

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
    assert done.err.splitlines()[-2:] == [f"wrote {tmp_path / 'r.xml'}", f"wrote {tmp_path / 'r.html'}"]
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


@pytest.fixture(scope="module")
def onnx_file(checkpoint):
    """The checkpoint exported with any batch and length."""
    pytest.importorskip("onnxruntime")
    import torch
    from transformers import BertModel

    model = BertModel.from_pretrained(checkpoint.folder, attn_implementation="eager").eval()
    file = Path(checkpoint.folder).parent / "bert.onnx"
    ids = torch.arange(3, 25).reshape(2, 11)
    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    given = {"input_ids": ids, "attention_mask": (ids < 20).long()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's own making
        torch.onnx.export(model, (), file, kwargs=given, dynamic_shapes=dict.fromkeys(given, sizes), verbose=False)
    return file


def test_an_onnx_file_is_the_candidate(checkpoint, onnx_file, tmp_path):
    done = porter("diff", "--model", checkpoint.folder, "--candidate", str(onnx_file), "--layer-by-layer")
    assert done.code == 0, done.out + done.err
    assert "encoder.layer.1.attention.self.query" in done.out
    assert "dropout" not in done.out.split("\n\n")[1]
    recording = str(tmp_path / "pytorch.rec")
    assert porter("record", "--model", checkpoint.folder, "--output", recording).code == 0
    assert porter("diff", recording, "--candidate", str(onnx_file)).code == 0


def test_a_mistake_in_an_onnx_file_is_named(checkpoint, onnx_file, tmp_path):
    import onnx

    model = onnx.load(onnx_file)
    gelu = [node for node in model.graph.node if node.op_type == "Gelu"]
    gelu[1].attribute[0].s = b"tanh"
    onnx.save(model, tmp_path / "wrong.onnx")
    done = porter(
        "diff", "--model", checkpoint.folder, "--candidate", str(tmp_path / "wrong.onnx"), "--json",
        "--html", str(tmp_path / "r.html"),
    )  # fmt: skip
    report = json.loads(done.out)
    assert done.code == 1
    assert report["candidate"] == "ONNX"
    assert report["origin"]["path"].startswith("encoder.layer.1.intermediate")
    assert report["origin"]["tf_file"].endswith("wrong.onnx")
    assert "approximate=tanh" in (tmp_path / "r.html").read_text()


def test_the_folder_that_pt_to_tf_wrote_is_the_candidate(checkpoint, tmp_path):
    output = tmp_path / "converted"
    assert porter("pt-to-tf", "--model", checkpoint.folder, "--no-pr", "--output", str(output)).code == 0
    done = porter("diff", "--model", checkpoint.folder, "--candidate", str(output), "--layer-by-layer")
    assert done.code == 0, done.out + done.err
    assert "encoder.layer.1.attention.self.query" in done.out
    with h5py.File(output / "tf_model.h5", "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        name = next(name for name in names if "pooler" in name and name.rpartition("/")[2].startswith("bias"))
        file[name][...] += 0.5
    done = porter("diff", "--model", checkpoint.folder, "--candidate", str(output), "--json")
    assert done.code == 1
    assert json.loads(done.out)["origin"]["path"].startswith("pooler")


def test_a_saved_model_is_the_candidate(checkpoint, tmp_path):
    import tensorflow as tf

    from porter.diff.model_sides import load_tensorflow
    from porter.port.find_port import find_port

    model = load_tensorflow(Path(checkpoint.folder), find_port(Path(checkpoint.folder), None, tmp_path))
    names = ("input_ids", "attention_mask")
    signature = [{name: tf.TensorSpec((None, None), tf.int64, name=name) for name in names}]
    model.export(tmp_path / "saved", input_signature=signature, verbose=False)
    done = porter("diff", "--model", checkpoint.folder, "--candidate", str(tmp_path / "saved"), "--layer-by-layer")
    assert done.code == 0, done.out + done.err
    assert "encoder.layer.1.attention.self.query" in done.out


def test_without_onnxruntime_a_hint_tells_how_to_install_it(checkpoint, onnx_file, monkeypatch):
    monkeypatch.setattr("porter.diff.candidate.NEEDED", ("onnx", "no_runtime"))
    monkeypatch.setitem(EXTRAS, "no_runtime", "onnx")
    done = porter("diff", "--model", checkpoint.folder, "--candidate", str(onnx_file))
    assert done.code == 3
    assert "no_runtime is not installed" in done.err
    assert f"pip install {with_extra('onnx')}" in done.err


BROKEN = {
    "a file that is not Python": ("class TFBertPooler(", "class TFBertPooler((", "SyntaxError"),
    "an import that fails": (
        "import keras\n",
        "import keras\nimport no_such_thing\n",
        "No module named 'no_such_thing'",
    ),
    "an error while it is imported": ("import keras\n", "import keras\n\nint('bad day')\n", "bad day"),
    "an error in a constructor": (
        "        self.activation = keras",
        "        int('odd')\n        self.activation = keras",
        "odd",
    ),
    "a class that is missing": ("class TFBertModel(", "class TFBertOther(", "has no class TFBertModel"),
    "weights that do not fit": ("keras.layers.Dense(config.hidden_size)", "keras.layers.Dense(7)", "has shape"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_port_that_cannot_be_loaded_gives_a_report_and_one_sentence(checkpoint, tmp_path, kind):
    old, new, sentence = BROKEN[kind]
    text = checkpoint.file.read_text()
    assert old in text
    broken = tmp_path / "modeling_tf_broken.py"
    broken.write_text(text.replace(old, new, 1))
    page, junit = tmp_path / "r.html", tmp_path / "r.xml"
    done = porter(
        "diff", "--model", checkpoint.folder, "--tf", str(broken), "--json", "--html", str(page), "--junit", str(junit)
    )
    assert (done.code, sentence in done.err) == (2, True), done.err
    report = json.loads(done.out)
    assert report["crash"]["file"] == str(broken)
    own_line = kind.startswith(("a file", "an"))
    assert (report["crash"]["line"] > 0) == own_line
    assert f"modeling_tf_broken.py:{report['crash']['line']}" in done.err or not own_line
    assert {module["verdict"] for module in report["modules"]} == {"unpaired"}
    assert "could not be loaded" in page.read_text()
    assert "could not be loaded" in junit.read_text()


def test_a_port_that_stops_half_way_is_reported_up_to_there(checkpoint, tmp_path):
    text = checkpoint.file.read_text()
    broken = tmp_path / "modeling_tf_broken.py"
    broken.write_text(text.replace("hidden_states[:, 0]", "tf.reshape(hidden_states, (3, 5))"))
    done = porter("diff", "--model", checkpoint.folder, "--tf", str(broken), "--json")
    report = json.loads(done.out)
    line = 1 + text.split("hidden_states[:, 0]")[0].count("\n")
    assert done.code == 1
    assert (report["crash"]["line"], report["origin"]["path"], report["origin"]["tf_line"]) == (line, "pooler", line)
    verdicts = {module["path"]: module["verdict"] for module in report["modules"]}
    assert verdicts["encoder.layer.1.output.LayerNorm"] == "clean"


def test_interrupted_the_report_holds_what_was_found(checkpoint, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("diffcheck.pipeline.compare_variations", interrupted)
    done = porter("diff", "--model", checkpoint.folder, "--json", "--html", str(tmp_path / "r.html"))
    report = json.loads(done.out)
    assert done.code == 130
    assert report["interrupted"]
    assert report["outputs"][0]["ok"]
    assert "interrupted" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["diff"], "Either --model or two recordings"),
        (["diff", "--model", "./nowhere"], "There is no folder ./nowhere"),
        (["diff", "--model", "{folder}", "--tolerance", "-1"], "is not between 0 and 1"),
        (["diff", "--model", "{folder}", "--tf", "missing.py"], "There is no TensorFlow file missing.py"),
        (["diff", "--model", "{folder}", "--tf", "{file}:TFNothing"], "has no class TFNothing"),
        (["diff", "{folder}/config.json", "{folder}/config.json"], "is not a recording"),
        (["diff", "--model", "{folder}", "--candidate", "nothing.onnx"], "There is no nothing.onnx"),
        (["diff", "--model", "{folder}", "--candidate", "{folder}"], "is not a SavedModel"),
        (["diff", "--model", "{folder}", "--candidate", "{file}"], "is not an ONNX file"),
        (["diff", "--model", "{folder}", "--candidate", "{file}", "--tf", "{file}"], "two candidates"),
        (["diff", "{file}", "{file}", "--candidate", "{file}"], "Either --model or"),
        (["diff", "--model", "{folder}", "--candidate", "{file}", "--training"], "has no gradients"),
        (["diff", "{file}", "{file}", "--float64"], "Recordings cannot be run again"),
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
    for text, sentence in (
        ('{"input_ids": [[1, 2], [3]]}', "The rows of input_ids are not of one length"),
        ('{"input_ids": [["a"]]}', "input_ids does not hold numbers only"),
        ('{"pixels": [[1]]', "is neither an .npz nor a .json file"),
    ):
        file.write_text(text)
        done = porter("diff", "--model", checkpoint.folder, "--inputs", str(file))
        assert (done.code, sentence in done.err) == (2, True)
    file.write_text('{"pixels": [[1]]}')
    assert "takes no input pixels" in porter("diff", "--model", checkpoint.folder, "--inputs", str(file)).err
