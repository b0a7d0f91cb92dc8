"""TFLite files of ports: run in LiteRT, they match; quantized ones say what they lost."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from porter.cli import app
from tests.export.conftest import CONFIGURATIONS
from tests.families import each_family

pytest.importorskip("torch")
pytest.importorskip("ai_edge_litert")


def exported(porter_export, checkpoint, port, family, output, *words):
    run = porter_export("tflite", "--model", checkpoint(family), output, "--tf", port(family), "--json", *words)
    manifest = json.loads(run.stdout[run.stdout.index("{") :])
    assert run.exit_code == (0 if manifest["matches"] else 1), run.output
    return manifest


@pytest.mark.parametrize("family", each_family(CONFIGURATIONS))
def test_families_run_in_litert_and_match(porter_export, checkpoint, port, tmp_path, family):
    manifest = exported(porter_export, checkpoint, port, family, tmp_path / "out")
    about = manifest["files"]["model.tflite"]
    assert manifest["matches"]
    assert {each["name"]: each["shape"] for each in about["inputs"]} == about["traced"]
    weights = (checkpoint(family) / "model.safetensors").stat().st_size
    assert (tmp_path / "out" / "model.tflite").stat().st_size > 0.6 * weights


def test_an_operation_that_tflite_lacks_is_one_sentence(tmp_path):
    import tensorflow as tf

    from porter.base.errors import UsageError
    from porter.export.formats.tflite_export import converted

    @tf.function(input_signature=[{"x": tf.TensorSpec((3,), tf.float32, name="x")}])
    def serve(inputs):
        return {"y": tf.math.betainc(inputs["x"], inputs["x"], inputs["x"])}

    with pytest.raises(UsageError, match=r"TFLite has no Betainc of these types\."):
        converted(serve, tmp_path / "frozen", None, iter(()))


@pytest.mark.parametrize("kind", ["dynamic", "float16", "int8"])
def test_a_quantized_file_says_its_loss(porter_export, checkpoint, port, tmp_path, kind):
    rows = np.random.default_rng(0).standard_normal((20, 3, 30, 30)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", pixel_values=rows)
    words = ("--quantize", kind, "--inputs", tmp_path / "rows.npz")
    manifest = exported(porter_export, checkpoint, port, "vit", tmp_path / "out", *words)
    about = manifest["files"]["model.tflite"]
    assert about["kind"] == "quantized"
    assert about["greatest_difference"]["logits"] > 1e-5
    assert "model.tflite is quantized: its error" in about["notes"][-1]


def test_bad_quantization_is_one_sentence(porter_export, checkpoint, tmp_path):
    words = ("tflite", "--model", checkpoint("vit"), tmp_path / "out", "--quantize")
    assert "There is no quantization int3 for tflite." in porter_export(*words, "int3").output
    assert "int8 needs inputs that represent yours." in porter_export(*words, "int8").output


def test_the_size_is_chosen_and_porter_diff_takes_the_file(porter_export, checkpoint, port, tmp_path):
    sizes = ("--batch", 1, "--max-length", 12)
    manifest = exported(porter_export, checkpoint, port, "bert", tmp_path / "out", *sizes)
    assert manifest["files"]["model.tflite"]["traced"]["input_ids"] == [1, 12]
    command = ["diff", "--model", str(checkpoint("bert")), "--candidate", str(tmp_path / "out" / "model.tflite")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    assert "logits matches" in run.output
