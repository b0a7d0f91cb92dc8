"""`porter scaffold` as its users run it, on a model folder that transformers does not have."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "brand_new_bert"
CLASSES = ["BrandNewBertModel", "BrandNewBertForMaskedLM", "BrandNewBertForSequenceClassification"]


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")])}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def scaffolded(tmp_path_factory):
    """The finished command, and the folder it wrote to."""
    folder = tmp_path_factory.mktemp("brand_new_bert")
    report = folder / "report.json"
    done = run("porter", "scaffold", str(EXAMPLE), "--output", str(folder), "--report", str(report), folder=folder)
    return done, folder


def test_it_ends_well_and_says_what_it_proved(scaffolded):
    done, folder = scaffolded
    assert done.returncode == 0, done.stderr[-2000:]
    assert "3 of 3 classes match PyTorch." in done.stdout
    assert str(folder / "modeling_tf_brand_new_bert.py") in done.stdout
    assert "Traceback" not in done.stderr


def test_it_writes_the_model_its_test_and_its_configuration(scaffolded):
    _, folder = scaffolded
    assert sorted(file.name for file in folder.glob("*.py")) == [
        "configuration_brand_new_bert.py",
        "modeling_tf_brand_new_bert.py",
        "test_modeling_tf_brand_new_bert.py",
    ]
    names = {node.name for node in ast.parse((folder / "modeling_tf_brand_new_bert.py").read_text()).body
             if isinstance(node, ast.ClassDef)}  # fmt: skip
    assert {f"TF{name}" for name in CLASSES} <= names


def test_the_report_has_its_schema(scaffolded):
    _, folder = scaffolded
    report = json.loads((folder / "report.json").read_text())
    assert report["schema"] == 1
    assert set(report) == {"schema", "classes", "not_compared", "notes", "seconds"}
    assert [found["name"] for found in report["classes"]] == CLASSES
    for found in report["classes"]:
        for side in ("eager", "graph"):
            assert found[side]["ok"] is True
            assert 0 <= found[side]["max_abs"] < 1e-4
        assert found["weights"] == {"missing": [], "unexpected": [], "mismatched": []}
    assert all(set(note) == {"level", "file", "line", "message", "hint"} for note in report["notes"])
    assert {note["level"] for note in report["notes"]} <= {"assumed"}
    assert set(report["seconds"]) == {"subject", "trace", "rewrite", "write", "verify"}


@pytest.mark.long  # the guide runs one, too
def test_the_test_that_it_wrote_passes(scaffolded):
    _, folder = scaffolded
    done = run("pytest", "-q", "-rs", "-p", "no:cacheprovider", "test_modeling_tf_brand_new_bert.py", folder=folder)
    assert done.returncode == 0, done.stdout[-2000:]
    skipped = [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]
    assert sum("computes no loss of these inputs" in line for line in skipped) == 1  # the one model without a head
    assert all("no loss of these inputs" in line or "no cache" in line for line in skipped)


def test_the_test_that_it_wrote_fails_on_another_model(scaffolded, tmp_path):
    """An error planted in the port is found."""
    _, folder = scaffolded
    for file in folder.glob("*.py"):
        text = file.read_text()
        if file.name.startswith("modeling_tf_"):
            assert text.count("* scaling") == 1
            text = text.replace("* scaling", "* scaling * 1.01")
        (tmp_path / file.name).write_text(text)
    done = run("pytest", "-q", "-x", "-p", "no:cacheprovider", "test_modeling_tf_brand_new_bert.py", folder=tmp_path)
    assert done.returncode == 1
    assert "failed" in done.stdout
