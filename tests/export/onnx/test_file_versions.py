"""Fused and quantized versions stand beside the float32 file, and say what was fused and what was lost."""

import json

import pytest

from porter.export import export_onnx
from tests.export.conftest import CONFIGURATIONS
from tests.families import each_family

pytest.importorskip("onnxruntime")


FUSED = {
    "bert": "Attention", "gpt2": "SkipLayerNormalization", "llama": "RotaryEmbedding",
    "t5": "SkipSimplifiedLayerNormalization", "vit": "Attention", "wav2vec2": "Attention", "whisper": "Attention",
}  # fmt: skip


@pytest.mark.parametrize("family", each_family(CONFIGURATIONS))
def test_every_family_has_both_versions(checkpoint, tmp_path, family):
    exported = export_onnx(checkpoint(family), tmp_path / "out", optimize=True, quantize="dynamic")
    files = exported.manifest["files"]
    assert files["model-optimized.onnx"]["fused"][FUSED[family]] >= 2
    assert max(files["model-optimized.onnx"]["greatest_difference"].values()) < 1e-4
    assert max(files["model-quantized.onnx"]["greatest_difference"].values()) > 1e-3
    assert "its error's root mean square is" in files["model-quantized.onnx"]["notes"][-1]
    assert {path.name for path in (tmp_path / "out").glob("*.onnx")} == set(files)


def test_both_versions_stand_beside_the_file(porter_export, checkpoint, tmp_path):
    words = ("--optimize", "--quantize", "dynamic", "--json")
    run = porter_export("onnx", "--model", checkpoint("bert"), tmp_path / "out", *words)
    assert run.exit_code == 0, run.output
    files = json.loads(run.stdout)["files"]
    assert {name: about["kind"] for name, about in files.items()} == {
        "model.onnx": "exact", "model-optimized.onnx": "optimized", "model-quantized.onnx": "quantized"
    }  # fmt: skip
    assert files["model-optimized.onnx"]["fused"]["Attention"] == 2
    assert files["model-optimized.onnx"]["fused"]["SkipLayerNormalization"] == 4
    assert files["model-optimized.onnx"]["greatest_difference"]["logits"] < 1e-4
    assert files["model-quantized.onnx"]["greatest_difference"]["logits"] > 1e-3
    assert files["model-quantized.onnx"]["bytes"] < files["model.onnx"]["bytes"]
    assert all(about["milliseconds"] > 0 for about in files.values())


def test_other_quantizations_are_refused(porter_export, checkpoint, tmp_path):
    run = porter_export("onnx", "--model", checkpoint("vit"), tmp_path / "out", "--quantize", "int8")
    assert run.exit_code == 2
    assert "There is no quantization int8 for onnx." in run.output
    assert list(tmp_path.iterdir()) == []
