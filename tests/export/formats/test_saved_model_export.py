"""SavedModels of ports: they match in any batch and length, alone in a process that has TensorFlow only."""

import json

import pytest
from typer.testing import CliRunner

from porter.cli import app
from porter.export import alone
from tests.export.conftest import CONFIGURATIONS

pytest.importorskip("torch")


@pytest.mark.parametrize("family", CONFIGURATIONS)
def test_every_family_is_served_and_matches(porter_export, checkpoint, port, tmp_path, family):
    run = porter_export("saved-model", "--model", checkpoint(family), tmp_path / "out", "--tf", port(family), "--json")
    assert run.exit_code == 0, run.output
    manifest = json.loads(run.stdout[run.stdout.index("{") :])
    about = manifest["files"]["saved_model"]
    assert manifest["matches"]
    assert len(about["compared_on"]) >= 2
    assert all(shape["shape"][0] is None for shape in about["inputs"])
    assert "saved_model/saved_model.pb" in about["sha256"]


def test_porter_diff_says_the_same_of_it(porter_export, checkpoint, port, tmp_path):
    words = ("saved-model", "--model", checkpoint("vit"), tmp_path / "out", "--tf", port("vit"))
    assert porter_export(*words).exit_code == 0
    command = ["diff", "--model", str(checkpoint("vit")), "--candidate", str(tmp_path / "out" / "saved_model")]
    run = CliRunner().invoke(app, command)
    assert run.exit_code == 0, run.output
    assert "logits matches" in run.output


def test_a_port_that_is_wrong_leaves_nothing(porter_export, checkpoint, port, tmp_path, monkeypatch):
    monkeypatch.setattr(alone, "CLOSE", 1.0)
    spoiled = tmp_path / "modeling_tf_spoiled.py"
    spoiled.write_text(port("vit").read_text().replace("epsilon=config.layer_norm_eps", "epsilon=1e-2"))
    words = ("saved-model", "--model", checkpoint("vit"), tmp_path / "out", "--tf", spoiled)
    run = porter_export(*words)
    assert run.exit_code == 1, run.output
    assert "layernorm" in run.output
    assert not (tmp_path / "out").exists()
