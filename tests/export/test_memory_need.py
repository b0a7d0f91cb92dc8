"""A checkpoint that is too large for the memory or the format is refused before anything is loaded."""

import json

import pytest

pytest.importorskip("torch")


def test_too_little_memory_is_one_sentence(porter_export, checkpoint, tmp_path):
    words = ("torchscript", "--model", checkpoint("bert"), tmp_path / "out", "--max-memory")
    run = porter_export(*words, "200MB")
    assert run.exit_code == 2
    assert "200MB is too little: exporting 0.00 GB of weights to torchscript takes about 1.0 GB." in run.output
    assert "--max-memory 2GB" in run.output
    assert porter_export(*words, "much").exit_code == 2
    assert not (tmp_path / "out").exists()
    run = porter_export(*words, "2GB", "--json")
    assert run.exit_code == 0, run.output
    manifest = json.loads(run.stdout)
    assert manifest["seconds"] > 0
    assert manifest["peak_memory"] > 1e8


def test_a_format_says_how_much_it_holds(checkpoint, monkeypatch):
    from dataclasses import replace

    from porter.base.errors import UsageError
    from porter.export.declaration import format_named
    from porter.export.memory_need import check_memory

    small = replace(format_named("tflite"), largest=10_000)
    with pytest.raises(UsageError, match="these weights are"):
        check_memory(small, checkpoint("bert"), None)
    check_memory(format_named("onnx"), checkpoint("bert"), None)
