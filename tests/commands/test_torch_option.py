"""`porter diff` and `porter pt-to-tf` on a plain `nn.Module` and a port of it that was written by hand."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from typer.testing import CliRunner

from porter.cli import app

TORCH = """
import torch
from torch import nn


class Inner(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.dense = nn.Linear(5, size)

    def forward(self, values):
        return torch.sigmoid(self.dense(values))


class Small(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.inner = Inner(size)
        self.last = nn.Linear(size, 2)

    def forward(self, values):
        return self.last(self.inner(values))
"""

TENSORFLOW = """
import keras
import tensorflow as tf
from porter.runtime import TFModule


class TFInner(keras.layers.Layer):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(size)

    def call(self, values):
        return tf.sigmoid(self.dense(values))

    def build(self, input_shape=None):
        self.dense.build((None, None, 5))


class TFSmall(TFModule):
    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.inner = TFInner(size)
        self.last = keras.layers.Dense(2)

    def call(self, values):
        return self.last(self.inner(values))

    def build(self, input_shape=None):
        self.inner.build()
        self.last.build((None, None, self.size))
"""


def state(size: int) -> dict[str, torch.Tensor]:
    draw = torch.Generator().manual_seed(4)
    shapes = {
        "inner.dense.weight": (size, 5),
        "inner.dense.bias": (size,),
        "last.weight": (2, size),
        "last.bias": (2,),
    }
    return {name: torch.randn(shape, generator=draw) for name, shape in shapes.items()}


class Harmful:
    def __reduce__(self):
        return print, ("run",)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("small_net.py").write_text(TORCH)
    Path("right.py").write_text(TENSORFLOW)
    Path("wrong.py").write_text(TENSORFLOW.replace("tf.sigmoid", "tf.tanh"))
    Path("keras_only.py").write_text(TENSORFLOW.replace("TFSmall(TFModule)", "TFSmall(keras.Model)"))
    torch.save({f"module.{name}": value for name, value in state(4).items()}, "weights.pt")
    torch.save(state(3), "narrow.pt")
    torch.save({name: value for name, value in state(4).items() if name != "last.bias"}, "lacking.pt")
    torch.save({"last.bias": Harmful()}, "harmful.pt")
    values = {"name": "values", "shape": [2, 5], "dtype": "float32", "gen": {"kind": "normal"}}
    models = [{"name": "Small", "module": "small_net"}]
    Path("sample.json").write_text(json.dumps({"arguments": {"size": 4}, "inputs": [values], "models": models}))
    Path("junk.pt").write_bytes(b"junk")
    Path("ending.py").write_text("import sys\n\nsys.exit(7)\n")
    Path("values.json").write_text(json.dumps({"values": [[0.5, -1, 2, 0, 1]]}))
    return tmp_path


def porter(*arguments: str) -> SimpleNamespace:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return SimpleNamespace(code=done.exit_code, out=done.stdout, err=done.stderr)


SIDES = ("--torch", "small_net.py:Small", "--arguments", '{"size": 4}')
CONVERT = ("pt-to-tf", *SIDES, "--output", "out")


@pytest.mark.parametrize(
    "more",
    [(), ("--weights", "weights.pt"), ("--input", "values=3x5:float32"), ("--inputs", "values.json")],
    ids=["weights drawn", "weights of a file", "an input", "a file of inputs"],
)
def test_diff_of_a_true_port_matches(folder: Path, more: tuple[str, ...]) -> None:
    done = porter("diff", *SIDES, "--tf", "right.py", *more)
    assert done.code == 0, done.err
    assert "its output matches" in done.out
    assert ("other numbers and sizes: its output matches" in done.out) == ("--inputs" not in more)


def test_diff_names_the_module_and_both_lines_of_a_wrong_port(folder: Path) -> None:
    done = porter("diff", *SIDES, "--tf", "wrong.py:TFSmall", "--weights", "weights.pt", "--json")
    origin = json.loads(done.out)["origin"]
    assert done.code == 1
    assert origin["path"] == "inner"
    assert origin["tf_line"] == 1 + TENSORFLOW.split("tf.sigmoid")[0].count("\n")
    assert origin["torch_line"] == 1 + TORCH.split("torch.sigmoid")[0].count("\n")
    assert "sigmoid" in origin["cause"]


def test_pt_to_tf_writes_weights_that_the_port_loads_again(folder: Path) -> None:
    done = porter(*CONVERT, "--tf", "right.py", "--weights", "weights.pt", "--json")
    report = json.loads(done.out)
    assert done.code == 0, done.err
    assert report["files"] == ["out/tf_model.weights.h5"]
    assert report["max_difference"] <= 5e-5

    from porter.port.load import PortSource, load_class

    model = load_class(PortSource(Path("right.py"), "TFSmall"))(size=4)
    model.build()
    model.load_weights("out/tf_model.weights.h5")
    assert (state(4)["last.weight"].numpy() == model.last.kernel.numpy().T).all()


def test_pt_to_tf_writes_nothing_where_the_port_differs(folder: Path) -> None:
    before = sorted(folder.iterdir())
    done = porter(*CONVERT, "--tf", "wrong.py", "--weights", "weights.pt")
    assert done.code == 1
    assert "its output differs by" in done.err
    assert sorted(path for path in folder.iterdir() if path.name != "__pycache__") == before


def test_pt_to_tf_refuses_outputs_that_prove_nothing(folder: Path) -> None:
    torch.save({name: torch.zeros_like(value) for name, value in state(4).items()}, "zero.pt")
    done = porter(*CONVERT, "--tf", "right.py", "--weights", "zero.pt")
    assert done.code == 1
    assert "is all zero: agreeing on it proves nothing" in done.err
    assert not Path("out").exists()


def test_a_sample_says_arguments_and_inputs_and_a_port_is_scaffolded(folder: Path) -> None:
    done = porter("diff", "--torch", "small_net.py", "--sample", "sample.json")
    assert (done.code, done.out.count("its output matches")) == (0, 2), done.err
    done = porter("pt-to-tf", "--torch", "small_net.py", "--sample", "sample.json", "--weights", "weights.pt",
                  "--output", "out")  # fmt: skip
    assert done.code == 0, done.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["modeling_tf_small_net.py", "tf_model.weights.h5"]
    assert "wrote out/modeling_tf_small_net.py" in done.out


DIFF = ("diff", *SIDES)
WRONG = {
    "no PyTorch file": (("diff", "--torch", "none.py:X", "--tf", "right.py"), "There is no PyTorch file none.py."),
    "no such class": (("diff", "--torch", "small_net.py:Smal", "--tf", "right.py"), "There is no class 'Smal'."),
    "no such TensorFlow class": ((*DIFF, "--tf", "right.py:TFX"), "right.py has no class TFX"),
    "no JSON": (("diff", *SIDES[:3], "{size: 4}", "--tf", "right.py"), "--arguments is not JSON"),
    "JSON without end": (("diff", *SIDES[:3], "[" * 100_000, "--tf", "right.py"), "it is nested too deeply"),
    "an input without end": ((*DIFF, "--tf", "right.py", "--input", f"values={'[' * 100_000}"), "neither a shape nor"),
    "no name of a file": (("diff", "--torch", ":Small", "--tf", "right.py"), "There is no PyTorch file ."),
    "a folder": (("diff", "--torch", ".:Small", "--tf", "right.py"), "There is no PyTorch file ."),
    "code that ends the program": (("diff", "--torch", "ending.py", "--tf", "right.py"), "sys.exit(7)"),
    "weights of a few bytes": ((*DIFF, "--tf", "right.py", "--weights", "junk.pt"), "junk.pt cannot be read"),
    "an argument that is not taken": (("diff", *SIDES[:3], '{"sise": 4}', "--tf", "right.py"), "needs size."),
    "a sample beside arguments": ((*DIFF, "--sample", "sample.json"), "--sample holds the arguments and inputs."),
    "a sample of nothing": (("diff", "--model", ".", "--sample", "sample.json"), "are about a plain nn.Module."),
    "a sample that is not there": (("diff", "--torch", "small_net.py", "--sample", "no.json"), "no.json"),
    "a sample of another class": (
        ("diff", "--torch", "small_net.py:Inner", "--sample", "sample.json"),
        "There is no model class in the sample named 'Inner'.",
    ),
    "a checkpoint too": ((*DIFF, "--tf", "right.py", "--model", "."), "--torch goes with --tf, not with --model"),
    "inputs twice": (
        (*DIFF, "--tf", "right.py", "--inputs", "values.json", "--input", "values=2x5"),
        "--input and --inputs both name the inputs.",
    ),
    "an input that is not taken": ((*DIFF, "--tf", "right.py", "--input", "x=2x5"), "Small takes no input x."),
    "an input of another size": ((*DIFF, "--tf", "right.py", "--input", "values=2x7:float32"), "PyTorch does not run"),
    "weights of another size": ((*DIFF, "--tf", "right.py", "--weights", "narrow.pt"), "The weights do not fit Small"),
    "weights that lack one": ((*DIFF, "--tf", "right.py", "--weights", "lacking.pt"), "last.bias is missing"),
    "weights that are code": ((*DIFF, "--tf", "right.py", "--weights", "harmful.pt"), "holds more than tensors"),
    "weights that are not there": ((*DIFF, "--tf", "right.py", "--weights", "no.pt"), "There is no file no.pt."),
    "a port that takes no weights": ((*DIFF, "--tf", "keras_only.py"), "TFSmall has no load_torch_weights"),
    "weights of no module": (("diff", "--model", ".", "--weights", "weights.pt"), "are about a plain nn.Module."),
    "no weights": ((*CONVERT, "--tf", "right.py"), "--torch needs --weights too."),
    "two models": ((*CONVERT, "--model", "."), "The model is named in more than one way."),
    "the Hub": (
        (*CONVERT, "--tf", "right.py", "--weights", "weights.pt", "--push"),
        "--push: this does not go with --torch.",
    ),
    "another format": (
        (*CONVERT, "--tf", "right.py", "--weights", "weights.pt", "--format", "keras"),
        "--format, --max-shard-size: this does not go with --torch.",
    ),
    "weights that do not fit": ((*CONVERT, "--tf", "right.py", "--weights", "narrow.pt"), "do not fit Small"),
}


@pytest.mark.parametrize(("arguments", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_bad_input_is_one_sentence(folder: Path, arguments: tuple[str, ...], sentence: str) -> None:
    done = porter(*arguments)
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert done.code == 2, done.err
    assert [sentence in line for line in errors] == [True], done.err
    assert not Path("out").exists()
