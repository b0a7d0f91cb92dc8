import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parents[3]
PORT = ROOT / "tests" / "runtime" / "modeling_tf_small_bert.py"
DRY = """
import json, sys
from pathlib import Path
from porter.base.quiet import quiet_frameworks
quiet_frameworks()
from porter.weights.conversion import Options, prepared
with prepared(Options(Path(sys.argv[1]), Path("never"), "x", sys.argv[2])) as conversion:
    print(json.dumps([conversion.plan.to_json(), sorted({"tensorflow", "keras", "torch"} & set(sys.modules))]))
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    import transformers

    folder = tmp_path_factory.mktemp("source")
    config = transformers.BertConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def planned(source, cache, port=PORT):
    """The plan as JSON, and the frameworks that were imported for it."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", DRY, str(source), str(port)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_second_plan_needs_no_framework_and_is_the_same(source, tmp_path):
    first, imported = planned(source, tmp_path)
    assert {"tensorflow", "keras"} <= set(imported)
    kept = list((tmp_path / "porter" / "plans").iterdir())
    assert [path.suffix for path in kept] == [".json"]
    second, imported = planned(source, tmp_path)
    assert imported == []
    assert second == first
    kept[0].write_text("{")
    third, imported = planned(source, tmp_path)
    assert "keras" in imported
    assert third == first


def test_another_port_or_checkpoint_has_a_plan_of_its_own(source, tmp_path):
    planned(source, tmp_path / "cache")
    port = tmp_path / "modeling_tf_other.py"
    port.write_text(PORT.read_text() + "# changed\n")
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_bytes((source / "config.json").read_bytes())
    tensors = safetensors.numpy.load_file(source / "model.safetensors")
    tensors["embeddings.position_ids"] = np.arange(512)
    safetensors.numpy.save_file(tensors, other / "model.safetensors", {"format": "pt"})
    for folder, file in ((source, port), (other, PORT)):
        plan, imported = planned(folder, tmp_path / "cache", file)
        assert "keras" in imported
    assert plan["pairing"]["unexpected"] == ["embeddings.position_ids"]


def test_a_folder_that_cannot_be_written_is_only_mentioned(source, tmp_path):
    (tmp_path / "porter").write_text("no folder")
    plan, _ = planned(source, tmp_path)
    assert plan["pairing"]["moves"]
