"""ONNX files as a user exports them: they match, they say what they are, and `porter diff` says the same of them."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from porter.cli import app
from porter.export import export_onnx
from porter.export.formats import onnx_export
from tests.export.conftest import CONFIGURATIONS
from tests.families import each_family

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def exported(checkpoint, porter_export, tmp_path_factory):
    """`exported("bert")` is the output's folder and export.json's table; each is exported once."""
    made = {}

    def export(family):
        if family not in made:
            output = tmp_path_factory.mktemp("onnx") / family
            run = porter_export("onnx", "--model", checkpoint(family), output, "--json")
            assert run.exit_code == 0, run.output
            made[family] = output, json.loads(run.stdout)
        return made[family]

    return export


def opened(file):
    import onnxruntime

    return onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("family", each_family(CONFIGURATIONS))
def test_every_family_exports_and_matches(exported, family):
    output, manifest = exported(family)
    assert manifest == json.loads((output / "export.json").read_text())
    assert manifest["matches"]
    assert manifest["class"] == CONFIGURATIONS[family][0]
    about = manifest["files"]["model.onnx"]
    assert len(about["compared_on"]) >= 2
    assert 0 < max(about["greatest_difference"].values()) < 1e-4
    assert about["axes"]["logits"][0] == "batch"
    assert not any("past" in name for name in about["axes"])
    assert {"config.json", "export.json", "model.onnx"} <= {path.name for path in output.iterdir()}


def test_axes_have_names_and_may_change(exported):
    output, manifest = exported("bert")
    axes = manifest["files"]["model.onnx"]["axes"]
    assert axes == {
        "input_ids": ["batch", "sequence"],
        "attention_mask": ["batch", "sequence"],
        "token_type_ids": ["batch", "sequence"],
        "logits": ["batch", "sequence", 99],
    }
    session = opened(output / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", "sequence"]
    ids = np.arange(15).reshape(3, 5)
    fed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    assert session.run(["logits"], fed)[0].shape == (3, 5, 99)


def test_nothing_in_the_file_tells_of_this_machine(exported):
    for family in ("bert", "gpt2", "t5"):
        content = (exported(family)[0] / "model.onnx").read_bytes()
        assert b"site-packages" not in content
        assert str(onnx_export.__file__).encode().rpartition(b"/")[0] not in content
        assert b"/home/" not in content
        assert b"modeling_" not in content


def test_tied_weights_are_stored_once(exported, checkpoint):
    import onnx

    for family in ("gpt2", "t5"):
        graph = onnx.load(exported(family)[0] / "model.onnx").graph
        sizes = [dict(zip(tensor.dims, tensor.dims, strict=True)) for tensor in graph.initializer]
        assert sum(set(size) == {99, 32} for size in sizes) == 1
        weights = (checkpoint(family) / "model.safetensors").stat().st_size
        assert sum(tensor.ByteSize() for tensor in graph.initializer) < 1.2 * weights


def test_porter_diff_says_the_same_of_a_file(exported, checkpoint):
    output, _ = exported("bert")
    command = [
        "diff",
        "--model",
        str(checkpoint("bert")),
        "--candidate",
        str(output / "model.onnx"),
        "--layer-by-layer",
    ]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    assert "logits matches" in run.output
    assert "bert.encoder.layer.1.attention.self.query" in run.output


def test_a_file_that_differs_leaves_nothing(checkpoint, porter_export, tmp_path, monkeypatch):
    def spoiled(program, *arguments):
        tidied(program, *arguments)
        norm = next(node for node in program.graph if node.op_type == "LayerNormalization")
        norm.attributes["epsilon"] = type(norm.attributes["epsilon"])("epsilon", norm.attributes["epsilon"].type, 1e-2)

    tidied = onnx_export.tidy
    monkeypatch.setattr(onnx_export, "tidy", spoiled)
    words = ("onnx", "--model", checkpoint("bert"), tmp_path / "out")
    run = porter_export(*words)
    assert run.exit_code == 1
    assert list(tmp_path.iterdir()) == []
    assert "bert.embeddings.LayerNorm differs by itself" in run.output
    kept = porter_export(*words, "--keep", "--json")
    assert kept.exit_code == 1
    assert not json.loads(kept.stdout)["matches"]
    assert (tmp_path / "out" / "model.onnx").exists()


@pytest.mark.parametrize("opset", [12, 20])
def test_an_opset_is_honoured(checkpoint, tmp_path, opset):
    import onnx

    exported = export_onnx(checkpoint("vit"), tmp_path / "out", opset=opset)
    assert exported.matches
    written = onnx.load(tmp_path / "out" / "model.onnx").opset_import
    assert {entry.domain: entry.version for entry in written} == {"": opset}


def test_weights_can_stand_beside_and_sizes_be_fixed(checkpoint, tmp_path):
    import transformers

    model = transformers.ViTForImageClassification.from_pretrained(checkpoint("vit"), attn_implementation="eager")
    exported = export_onnx(model, tmp_path / "out", external_data=True, static=True)
    assert exported.matches
    assert exported.manifest["files"]["model.onnx"]["axes"]["pixel_values"] == [2, 3, 30, 30]
    data = tmp_path / "out" / "model.onnx.data"
    assert data.stat().st_size > 90_000
    assert set(exported.manifest["files"]["model.onnx"]["sha256"]) == {"model.onnx", "model.onnx.data"}


def test_an_axis_that_may_change_and_had_one_size_is_said():
    from types import SimpleNamespace

    from porter.export.formats.onnx_export import _untried
    from porter.subject.inputs.trials import Trial

    symbol = SimpleNamespace(value="height")
    image = SimpleNamespace(name="pixel_values", shape=[SimpleNamespace(value="batch"), 3, symbol, 30])
    axes = {"pixel_values": {0: "batch", 2: "height", 3: "width"}}
    trials = [Trial("images", {"pixel_values": np.zeros((rows, 3, 30, 30))}) for rows in (1, 2)]
    found = list(_untried(SimpleNamespace(graph=SimpleNamespace(inputs=[image])), axes, trials))
    assert found == ["pixel_values: the axis height may change, and is compared at 30 only."]


@pytest.mark.parametrize(
    ("holds", "note"), [([True], ""), ([False, True], ""), ([False, False], "one size of images")]
)
def test_a_file_that_breaks_in_another_size_is_traced_there_and_else_has_one(monkeypatch, holds, note):
    from types import SimpleNamespace

    from porter.export.declaration import Piece
    from porter.export.parts import Part, whole_name
    from porter.subject.inputs.trials import Trial

    usual, other = (Trial(name, {"pixel_values": np.zeros((2, 3, 32, 32))}) for name in ("images", "another size"))
    written, answers = [], iter(holds)

    def write(_job, part, _opset):
        written.append((part.traced.name, part.axes.get("pixel_values"), len(part.trials)))
        return Piece("model.onnx", None, part.trials)

    def compare(piece, _atol):
        assert [trial.name for trial in piece.trials] == ["images", "another size"]
        compared = SimpleNamespace(matches=next(answers), trial="another size", failure="it stops")
        return SimpleNamespace(compared=[compared])

    monkeypatch.setattr(onnx_export, "_written", write)
    monkeypatch.setattr(onnx_export, "validate_piece", compare)
    axes = {"pixel_values": {0: "batch", 2: "height", 3: "width"}}
    job = SimpleNamespace(option=lambda name: None, request=SimpleNamespace(atol=1e-5))
    part = Part("model", None, usual, (usual, other), whole_name, axes)
    piece = onnx_export._in_sizes_that_hold(job, part, 18)
    assert [name for name, *_ in written] == ["images", "another size", "images"][: len(holds) + (not holds[-1])]
    assert note in " ".join(piece.notes)
    assert written[-1][1:] == ((axes["pixel_values"], 2) if holds[-1] else ({0: "batch"}, 1))
