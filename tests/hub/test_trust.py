"""What lies in a model's folder runs only when the user says so: every way in that a model's files offer."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import porter
from porter.base.errors import UsageError
from porter.cli import app
from porter.hub.trust import Untrusted, check_port, is_known, model_named_by, remember
from porter.subject.find import find_subject

EVIL = "open('RAN', 'w').close()\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A tiny BERT with strong weights."""
    from transformers import BertConfig, BertModel

    from porter.subject.strong_weights import strengthen

    model = BertModel(
        BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=32,
        )
    ).eval()  # fmt: skip
    strengthen(model)
    folder = tmp_path_factory.mktemp("tiny")
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def model(tiny, tmp_path, monkeypatch):
    """A copy of it that a test makes hostile, in the current folder; afterwards nothing may have run."""
    monkeypatch.chdir(tmp_path)
    yield shutil.copytree(tiny, tmp_path / "m")
    assert not list(tmp_path.rglob("RAN"))


def run(*arguments):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert "Traceback" not in done.stderr
    return SimpleNamespace(code=done.exit_code, err=done.stderr)


def refused(sentence, *arguments):
    done = run(*arguments)
    assert done.code == 2, done.err
    assert sentence in done.err
    assert "--trust-remote-code" in done.err


def configure(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def code_at(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"modeling_{name}.py").write_text(EVIL)
    (folder / "__init__.py").write_text(EVIL)


@pytest.mark.parametrize("place", ["m/pwn", "m/examples/pwn", "pwn", "examples/pwn", "src/transformers/models/pwn"])
@pytest.mark.parametrize("inside", [True, False], ids=["run in the folder", "run above it"])
@pytest.mark.parametrize("command", ["diff", "scaffold"])
def test_a_model_type_picks_no_folder(model, tmp_path, monkeypatch, place, inside, command):
    code_at(tmp_path / place, "pwn")
    configure(model, model_type="pwn", architectures=["PwnModel"])
    monkeypatch.chdir(model if inside else tmp_path)
    name = "." if inside else "m"
    done = run(*(("diff", "--model", name) if command == "diff" else ("scaffold", name, "--output", tmp_path / "o")))
    assert done.code == 2
    told = "brings its own code" if place.startswith("m/") else "transformers has no model type 'pwn'"
    assert told in done.err


def test_a_model_type_that_is_the_folders_own_name(model, monkeypatch):
    folder = model.rename(model.with_name("evilm"))
    code_at(folder, "evilm")
    configure(folder, model_type="evilm", architectures=["EvilModel"])
    refused("brings its own code", "diff", "--model", "evilm")
    refused("brings its own code", "scaffold", "evilm")
    refused("brings its own code", "scaffold", folder)


def test_a_folder_of_weights_and_code_without_a_configuration(model):
    (model / "config.json").unlink()
    code_at(model, "m")
    refused("brings its own code", "scaffold", model, "--output", "o")


def test_code_that_the_user_names_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code_at(tmp_path / "examples" / "mine", "mine")
    with pytest.raises(UsageError, match="has no"):
        find_subject("mine")
    assert (tmp_path / "RAN").exists()


def test_code_elsewhere_runs_when_its_name_was_typed(model, tmp_path):
    code_at(tmp_path / "examples" / "mine", "mine")
    configure(model, model_type="mine", architectures=["MineModel"])
    (tmp_path / "modeling_tf_mine.py").write_text("class TFMineModel: pass\n")
    done = run("diff", "--model", model, "--tf", "modeling_tf_mine.py")
    assert (done.code, "There is no PyTorch class MineModel" in done.err) == (2, True), done.err
    (tmp_path / "RAN").unlink()  # it ran, which was asked for


def test_the_name_in_tf():
    assert model_named_by("ports/modeling_tf_bert.py:TFBertModel") == "bert"
    assert model_named_by(None) is None


@pytest.mark.parametrize("command", ["diff", "pt-to-tf", "record"])
def test_a_tensorflow_file_beside_the_weights(model, command):
    (model / "modeling_tf_evil.py").write_text(EVIL)
    options = {
        "diff": ("diff", "--model", model),
        "pt-to-tf": ("pt-to-tf", "--model-name", model, "--no-pr", "--output", "o"),
        "record": ("record", "--model", model, "--framework", "tensorflow", "--inputs", "i.json", "--output", "o"),
    }
    Path("i.json").write_text('{"input_ids": [[1, 2]]}')
    refused("brings its own TensorFlow code, modeling_tf_evil.py", *options[command])


@pytest.mark.parametrize("name", ["link", "m/../m", "m/."])
def test_by_whatever_way_the_folder_is_named(model, name):
    (model / "modeling_tf_evil.py").write_text(EVIL)
    Path("link").symlink_to("m")
    refused("brings its own TensorFlow code", "diff", "--model", name)


def test_load_refuses_it_too(model):
    (model / "modeling_tf_evil.py").write_text(EVIL)
    with pytest.raises(Untrusted, match="brings its own TensorFlow code"):
        porter.load(str(model))


def test_a_file_is_known_by_its_text_and_not_by_its_name(tmp_path):
    file = tmp_path / "modeling_tf_mine.py"
    file.write_text("x = 1  # Written by porter 0.1.0 from modeling_mine.py\n")
    with pytest.raises(Untrusted):
        check_port(tmp_path, False)
    remember([file])
    assert is_known(file)
    check_port(tmp_path, False)
    (tmp_path / "configuration_mine.py").write_text(EVIL)  # which the port would import
    with pytest.raises(Untrusted, match=r"configuration_mine\.py"):
        check_port(tmp_path, False)
    check_port(tmp_path, True)
    (tmp_path / "configuration_mine.py").unlink()
    file.write_text(file.read_text() + EVIL)
    with pytest.raises(Untrusted):
        check_port(tmp_path, False)


def test_a_state_folder_that_cannot_be_written_is_said(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    remember([tmp_path / "file"])
    assert "file will not be known as porter's own" in capsys.readouterr().err


def test_a_class_that_is_no_model_is_not_loaded(model):
    configure(model, architectures=["AutoModel"], auto_map={"AutoModel": "evil.Evil", "AutoConfig": "evil.Evil"})
    (model / "evil.py").write_text(EVIL)
    Path("modeling_tf_mine.py").write_text("class TFAutoModel: pass\n")
    done = run("diff", "--model", model, "--tf", "modeling_tf_mine.py")
    assert (done.code, "There is no PyTorch class AutoModel" in done.err) == (2, True), done.err


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("subprocess", "run"),
        ("transformers.models.bert.modeling_bert", "BertModel"),
        ("transformers.utils.import_utils", "os"),
        ("transformers.models.bert.configuration_bert", "no_such"),
        ("transformers.no.such.module", "Config"),
        ("planted", "Config"),
        ("", "system"),
        (".planted", "Config"),
        (3, "Config"),
    ],
)
def test_a_sample_names_a_configuration_class_or_nothing(tmp_path, monkeypatch, module, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "planted.py").write_text(EVIL)
    case = {
        "family": "bert", "config_module": module, "config_class": name, "config": {"command": "touch RAN"},
        "inputs": [], "models": [{"name": "BertModel", "module": "transformers.models.bert.modeling_bert"}],
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(case))
    done = run("scaffold", "bert", "--sample", "s.json", "--output", "o")
    assert done.code == 2, done.err
    assert "planted" not in sys.modules
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".pyc" and path.name != "__pycache__"] in (
        ["planted.py", "s.json"], ["s.json", "planted.py"],
    )  # fmt: skip


@pytest.mark.parametrize("name", ["json", "importlib", "logger", "BertConfig", "no_such"])
def test_a_sample_names_a_models_class(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    case = {
        "family": "bert", "config_module": "transformers.models.bert.configuration_bert",
        "config_class": "BertConfig", "config": {}, "inputs": [],
        "models": [{"name": name, "module": "transformers.models.bert.modeling_bert"}],
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(case))
    done = run("scaffold", "bert", "--sample", "s.json", "--output", "o")
    assert (done.code, f"has no model class {name}" in done.err) == (2, True), done.err


AUTO_MAPS = {
    "tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["evil.Evil", None]}, "tokenizer_class": "Evil"},
    "preprocessor_config.json": {
        "image_processor_type": "Evil", "feature_extractor_type": "Evil",
        "auto_map": {"AutoImageProcessor": "evil.Evil", "AutoFeatureExtractor": "evil.Evil"},
    },
}  # fmt: skip


@pytest.mark.parametrize("file", AUTO_MAPS)
def test_processors_are_not_run_and_nobody_is_asked(tmp_path, monkeypatch, capsys, file):
    from porter.subject.inputs.processors import processed_inputs

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("somebody was asked"))
    (tmp_path / "evil.py").write_text(EVIL)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / file).write_text(json.dumps(AUTO_MAPS[file]))
    names = ("input_ids", "pixel_values", "input_values")
    assert processed_inputs(tmp_path, names) == {}
    assert "is not used, the configuration gives the sizes" in capsys.readouterr().err
    assert not list(tmp_path.rglob("RAN"))


@pytest.mark.parametrize("content", [b"[]", b"\xff\xfe", b"{", b"[" * 100_000, b"3", b"null", b'{"a": "\\ud800"}'])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "tokenizer.json", "preprocessor_config.json", "vocab.txt"])
def test_broken_files_of_processors_are_left_aside_with_a_word(tmp_path, capfd, file, content):
    from transformers import BertTokenizer

    from porter.subject.inputs.processors import processed_inputs

    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"]
    BertTokenizer(vocab={word: number for number, word in enumerate(words)}).save_pretrained(tmp_path)
    (tmp_path / file).write_bytes(content)
    processed_inputs(tmp_path, ("input_ids", "pixel_values", "input_values"))
    assert "Traceback" not in capfd.readouterr().err
