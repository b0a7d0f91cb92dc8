"""SavedModels of ports: they match in any batch and length, alone in a process that has TensorFlow only."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from porter.cli import app
from porter.export import alone
from tests.export.conftest import CONFIGURATIONS
from tests.families import each_family

pytest.importorskip("torch")


@pytest.mark.parametrize("family", each_family(CONFIGURATIONS))
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


# What a server does that has neither porter nor transformers nor PyTorch: greedy tokens, made one by one.
ALONE = """
import json, sys
for name in ("porter", "diffcheck", "transformers", "torch"):
    sys.modules[name] = None
import numpy as np
import tensorflow as tf

signatures = tf.saved_model.load(sys.argv[1]).signatures
count, ids = int(sys.argv[2]), np.array(json.loads(sys.argv[3]))


def call(name, **given):
    wanted = {spec.name for spec in signatures[name].structured_input_signature[1].values()}
    found = signatures[name](**{key: tf.constant(value) for key, value in given.items() if key in wanted})
    return {key: value.numpy() for key, value in found.items()}


def past_of(outputs):
    return {key.replace("present", "past_key_values"): value for key, value in outputs.items() if "present" in key}


made, mask = [], np.ones_like(ids)
if "encode" in signatures:
    hidden = call("encode", input_ids=ids, attention_mask=mask)["last_hidden_state"]
    given = {"encoder_hidden_states": hidden, "encoder_attention_mask": mask}
    outputs = call("decode_first", input_ids=np.zeros((1, 1), np.int64), **given)
    past = past_of(outputs)
else:
    given = {}
    specs = signatures["decode"].structured_input_signature[1].values()
    past = {s.name: np.zeros([int(size or axis == 0) for axis, size in enumerate(s.shape)], np.float32)
            for s in specs if s.name.startswith("past")}
    outputs = call("decode", input_ids=ids, attention_mask=mask, **past)
    past = past_of(outputs)
for step in range(count):
    made.append(int(outputs["logits"][0, -1].argmax()))
    mask = np.ones((1, mask.shape[1] + 1), np.int64)
    own = given or {"attention_mask": mask}
    outputs = call("decode", input_ids=np.array([[made[-1]]]), **own, **past)
    past |= past_of(outputs)
print(json.dumps(made))
"""
COUNT = 6


@pytest.mark.parametrize("family", each_family(["gpt2", "llama", "t5"]))
def test_its_decode_generates_alone_as_pytorch_does(porter_export, checkpoint, port, tmp_path, family):
    import torch
    import transformers

    words = ("saved-model", "--model", checkpoint(family), tmp_path / "out", "--tf", port(family))
    run = porter_export(*words)
    assert run.exit_code == 0, run.output
    ids = [[5, 9, 21, 33]]
    command = [sys.executable, "-c", ALONE, str(tmp_path / "out" / "saved_model"), str(COUNT), json.dumps(ids)]
    alone = subprocess.run(command, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr
    model = getattr(transformers, CONFIGURATIONS[family][0]).from_pretrained(checkpoint(family))
    options = {"max_new_tokens": COUNT, "min_new_tokens": COUNT, "do_sample": False, "eos_token_id": None}
    expected = model.generate(torch.tensor(ids), attention_mask=torch.ones(1, 4).long(), pad_token_id=0, **options)
    assert json.loads(alone.stdout.splitlines()[-1]) == expected[0, -COUNT:].tolist()


def test_a_cache_that_is_more_than_keys_is_said(porter_export, checkpoint, port, tmp_path, monkeypatch):
    from porter.export import cached_signatures

    monkeypatch.setattr(cached_signatures, "KEPT", ())
    words = ("saved-model", "--model", checkpoint("gpt2"), tmp_path / "out", "--tf", port("gpt2"))
    said = "A cache of DynamicLayer is more than keys and values."
    run = porter_export(*words)
    assert run.exit_code == 0, run.output
    assert f"note: there is no signature for a step from a cache: {said}" in run.output
    run = porter_export(*words[:3], tmp_path / "other", *words[4:], "--feature", "causal-lm-with-past")
    assert run.exit_code == 2
    assert said in run.output
    assert not (tmp_path / "other").exists()
