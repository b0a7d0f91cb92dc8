import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from porter.base.errors import UsageError
from tests.hub_server.server import HubServer
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import IDS, config

ROOT = Path(__file__).parents[3]
TOKEN = "hf_secret"
DRIVER = """
import json, sys
from porter.base.errors import PorterError
from tests.runtime import modeling_tf_small_bert as ported
model = ported.TFBertForMaskedLM.from_pretrained(sys.argv[1])
done = []
for method, arguments in json.loads(sys.argv[2]):
    try:
        done.append(getattr(model, method)(token="hf_secret", **arguments))
    except PorterError as error:
        done.append({"error": str(error)})
print(json.dumps(done))
"""


@pytest.fixture(scope="module")
def model():
    return ported.TFBertForMaskedLM.from_config(config())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def reread(folder):
    again, info = ported.TFBertForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    return again(IDS).logits


@pytest.mark.parametrize("safe", [True, False])
def test_several_files_and_their_index(model, tmp_path, safe):
    ending = "safetensors" if safe else "h5"
    model.save_pretrained(tmp_path, safe_serialization=safe)
    assert names(tmp_path) == ["config.json", f"tf_model.{ending}"]
    np.testing.assert_array_equal(reread(tmp_path), model(IDS).logits)

    model.save_pretrained(tmp_path, safe_serialization=safe, max_shard_size="40KB")
    weights = [name for name in names(tmp_path) if name != "config.json"]
    assert len(weights) > 3
    index = json.loads((tmp_path / f"tf_model.{ending}.index.json").read_text())
    assert set(index["weight_map"].values()) == {name for name in weights if not name.endswith(".json")}
    np.testing.assert_array_equal(reread(tmp_path), model(IDS).logits)

    model.save_pretrained(tmp_path, safe_serialization=not safe, max_shard_size=10**9)
    assert names(tmp_path) == ["config.json", f"tf_model.{'h5' if safe else 'safetensors'}"]
    np.testing.assert_array_equal(reread(tmp_path), model(IDS).logits)


def test_an_h5_file_is_named_as_transformers_4_names_it(model, tmp_path):
    model.save_pretrained(tmp_path, safe_serialization=False)
    with h5py.File(tmp_path / "tf_model.h5") as file:
        stored = file["bert/tf_bert_for_masked_lm/bert/encoder/layer_._0/attention/self/query/kernel:0"]
        np.testing.assert_array_equal(stored, model.bert.encoder.layer[0].attention.self.query.kernel)


def test_what_h5_cannot_hold(tmp_path):
    half = ported.TFBertForMaskedLM(config(), dtype="bfloat16")
    half.build()
    with pytest.raises(ValueError, match="bfloat16, which HDF5 cannot hold"):
        half.save_pretrained(tmp_path, safe_serialization=False)
    assert names(tmp_path) == []
    half.save_pretrained(tmp_path)
    assert names(tmp_path) == ["config.json", "tf_model.safetensors"]


def test_options_that_do_not_fit(model, tmp_path):
    with pytest.raises(TypeError, match="takes token with push_to_hub=True only"):
        model.save_pretrained(tmp_path, token="x")
    with pytest.raises(TypeError, match=r"An upload takes commit_message, .*, not branch"):
        model.push_to_hub("me/model", branch="x")
    with pytest.raises(UsageError, match="'many' is not a size"):
        model.save_pretrained(tmp_path, max_shard_size="many")


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    model.save_pretrained(folder)
    return folder


def test_what_is_uploaded(saved, tmp_path):
    folder = tmp_path / "out"
    shards = {"save_directory": str(folder), "repo_id": "porter/shards", "max_shard_size": "40KB"}
    calls = [
        ("push_to_hub", {"repo_id": "porter/fresh", "private": True, "commit_message": "First weights"}),
        ("save_pretrained", {"push_to_hub": True, **shards}),
        ("push_to_hub", {"repo_id": "porter/fresh", "create_pr": True}),
        ("push_to_hub", {"repo_id": "a b/c"}),
    ]
    with HubServer() as server:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": server.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
        environment |= {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", DRIVER, str(saved), json.dumps(calls)]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert TOKEN not in ran.stdout + ran.stderr
    commit, nothing, pull_request, refused = json.loads(ran.stdout.splitlines()[-1])

    fresh, sharded = (server.store.repositories[f"porter/{name}"] for name in ("fresh", "shards"))
    assert fresh.private
    assert commit.startswith(server.url)
    assert fresh.refs["main"].title == "First weights"
    assert set(names(saved)) <= set(fresh.refs["main"].files)
    assert nothing is None
    assert set(names(folder)) <= set(sharded.refs["main"].files)
    assert len(names(folder)) > 4
    assert [pull.title for pull in fresh.pulls.values()] == ["Upload TFBertForMaskedLM"]
    assert pull_request.startswith(server.url)
    assert refused == {"error": "'a b/c' is not a name of a repository."}
