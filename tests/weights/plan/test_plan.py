import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors.numpy
from transformers import PretrainedConfig

from porter.base.errors import UsageError
from porter.runtime import TFPreTrainedModel
from porter.runtime.layers.build_rest import built
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.weights.plan.plan import Plan, build_without_weights, make_plan

ROOT = Path(__file__).parents[3]


class Block(keras.layers.Layer):
    """Builds one layer in its constructor and one in `build`, as generated files do."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.early = built(keras.layers.Dense(3, name="early"), (None, 2))
        self.late = keras.layers.Dense(2, name="late")

    def build(self, input_shape=None):
        self.late.build((None, 3))


class TFBlocks(TFPreTrainedModel):
    config_class = PretrainedConfig

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.layer = [Block(name=f"layer.{number}") for number in range(2)]
        self.post_init()

    def build(self, input_shape=None):
        for layer in self.layer:
            layer.build()


STORED = {
    f"layer.{number}.{name}.{kind}": np.random.default_rng(number).normal(size=shape).astype(np.float32)
    for number in range(2)
    for name, shapes in {"early": ((3, 2), (3,)), "late": ((2, 3), (2,))}.items()
    for kind, shape in zip(("weight", "bias"), shapes, strict=True)
}


def planned(tmp_path, tensors):
    safetensors.numpy.save_file(tensors, tmp_path / "model.safetensors")
    with open_checkpoint(tmp_path) as checkpoint:
        return make_plan(build_without_weights(TFBlocks, PretrainedConfig(), checkpoint), checkpoint)


def test_every_variable_has_its_tensor_and_a_path_of_its_own(tmp_path):
    plan = planned(tmp_path, STORED)
    assert {move.source for move in plan.moves} == set(STORED)
    assert {move.source: move.target.path for move in plan.moves}["layer.1.early.weight"] == "layer.1/early/kernel"
    assert len({move.target.path for move in plan.moves}) == len(STORED)


def test_no_variable_is_allocated_for_a_plan(tmp_path):
    safetensors.numpy.save_file(STORED, tmp_path / "model.safetensors")
    with open_checkpoint(tmp_path) as checkpoint:
        layer = build_without_weights(TFBlocks, PretrainedConfig(), checkpoint).layer[1].late
    assert tuple(layer.kernel.shape) == (3, 2)
    assert layer._kernel._value is None


@pytest.mark.parametrize("change", ["missing", "transposed"])
def test_what_does_not_fit_is_named(tmp_path, change):
    tensors = dict(STORED)
    name = "layer.1.late.weight"
    if change == "missing":
        del tensors[name]
    else:
        tensors[name] = np.ascontiguousarray(tensors[name].T)
    with pytest.raises(UsageError, match=name):
        planned(tmp_path, tensors)


def test_saved_weights_are_all_read_back(tmp_path):
    safetensors.numpy.save_file(STORED, tmp_path / "model.safetensors")
    PretrainedConfig().save_pretrained(tmp_path)
    model = TFBlocks.from_pretrained(tmp_path, from_pt=True)
    model.save_pretrained(tmp_path / "tf")
    again, info = TFBlocks.from_pretrained(tmp_path / "tf", output_loading_info=True)
    assert not any(info.values())
    for first, second in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(first, second)
    assert len(model.weights) == len(STORED)


def test_a_plan_survives_json(tmp_path):
    plan = planned(tmp_path, STORED)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan
    with pytest.raises(UsageError, match="not a plan of this version"):
        Plan.from_json({"schema": 0})


def test_a_plan_is_carried_out_without_tensorflow(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps(planned(tmp_path, STORED).to_json()))
    script = """
import json, sys
from pathlib import Path
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.weights.convert.convert import convert
from porter.weights.options import Target
from porter.weights.plan.plan import Plan
from porter.weights.convert.readback import check_written
folder = Path(sys.argv[1])
plan = Plan.from_json(json.loads((folder / "plan.json").read_text()))
with open_checkpoint(folder) as checkpoint:
    check_written(plan, checkpoint, convert(plan, checkpoint, folder), Target())
print(sorted({"torch", "tensorflow", "keras", "transformers"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == "[]\n"
    assert (tmp_path / "tf_model.h5").exists()
