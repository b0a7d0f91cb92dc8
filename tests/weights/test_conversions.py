"""Checkpoints in another form than the model's: loaded, planned, written, and carried out without the model."""

import json

import keras
import numpy as np
import pytest
import safetensors.numpy
from transformers import PretrainedConfig

from porter.base.errors import UsageError
from porter.runtime import TFPreTrainedModel
from porter.runtime.model.loading import checkpoint_conversions
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.pairing import Scope
from porter.weights.convert.convert import convert
from porter.weights.convert.readback import check_written
from porter.weights.options import Target
from porter.weights.plan.plan import Plan, build_without_weights, make_plan

EXPERTS, INNER, HIDDEN = 3, 4, 2


class Experts(keras.layers.Layer):
    def build(self, input_shape=None):
        self.gate_up_proj = self.add_weight(shape=(EXPERTS, 2 * INNER, HIDDEN), name="gate_up_proj")


class Block(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.experts = Experts(name="experts")
        self.query = keras.layers.Dense(HIDDEN, name="query")
        self.key = keras.layers.Dense(HIDDEN, name="key")

    def build(self, input_shape=None):
        self.experts.build()
        self.query.build((None, HIDDEN))
        self.key.build((None, HIDDEN))


class TFPart(TFPreTrainedModel):
    config_class = PretrainedConfig
    _checkpoint_renames = (("^blocks", "layer"),)
    _checkpoint_conversions = (
        {"from": ["query_key"], "to": ["query", "key"], "by": [("chunk", 0)]},
        {
            "from": ["experts.*.w1.weight", "experts.*.w3.weight"],
            "to": ["experts.gate_up_proj"],
            "by": [("merge", 0), ("concatenate", 1)],
        },
    )

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.layer = [Block(name="layer.0")]
        self.post_init()

    def build(self, input_shape=None):
        self.layer[0].build()


class TFWhole(TFPreTrainedModel):
    """Two models of one kind side by side."""

    config_class = PretrainedConfig

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        self.left = TFPart(config, name="left")
        self.right = TFPart(config, name="right")
        self.post_init()

    def build(self, input_shape=None):
        self.left.build()
        self.right.build()


def stored(seed=0):
    rng = np.random.default_rng(seed)
    shapes = {f"experts.{i}.{name}.weight": (INNER, HIDDEN) for i in range(EXPERTS) for name in ("w1", "w3")}
    shapes |= {"query_key.weight": (2 * HIDDEN, HIDDEN), "query_key.bias": (2 * HIDDEN,)}
    return {f"blocks.0.{name}": rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def expected(tensors):
    w1, w3 = (np.stack([tensors[f"blocks.0.experts.{i}.{w}.weight"] for i in range(EXPERTS)]) for w in ("w1", "w3"))
    weight, bias = (tensors[f"blocks.0.query_key.{kind}"] for kind in ("weight", "bias"))
    return {
        "layer.0/experts/gate_up_proj": np.concatenate([w1, w3], axis=1),
        "layer.0/query/kernel": weight[:HIDDEN].T,
        "layer.0/query/bias": bias[:HIDDEN],
        "layer.0/key/kernel": weight[HIDDEN:].T,
        "layer.0/key/bias": bias[HIDDEN:],
    }


def save(folder, tensors):
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    PretrainedConfig().save_pretrained(folder)


def check(model, wanted):
    model.save_pretrained(model.name_or_path)
    held = safetensors.numpy.load_file(f"{model.name_or_path}/tf_model.safetensors")
    assert set(held) == set(wanted)
    for path, array in wanted.items():
        np.testing.assert_array_equal(held[path], array)


def test_from_pretrained(tmp_path):
    save(tmp_path, stored())
    model, info = TFPart.from_pretrained(tmp_path, from_pt=True, output_loading_info=True)
    assert not any(info.values())
    check(model, expected(stored()))


def test_models_within_a_model_each_have_their_own(tmp_path):
    parts = {"left": stored(1), "right": stored(2)}
    save(tmp_path, {f"{part}.{name}": each for part, tensors in parts.items() for name, each in tensors.items()})
    model, info = TFWhole.from_pretrained(tmp_path, from_pt=True, output_loading_info=True)
    assert not any(info.values())
    scopes = [conversion.scope for conversion in checkpoint_conversions(model)]
    assert scopes == [Scope("left"), Scope("left"), Scope("right"), Scope("right")]
    check(model, {f"{part}/{p}": array for part, each in parts.items() for p, array in expected(each).items()})


def test_a_plan_is_written_and_read_back_even_where_only_its_json_is(tmp_path):
    save(tmp_path, stored())
    output = tmp_path / "output"
    output.mkdir()
    with open_checkpoint(tmp_path) as checkpoint:
        plan = make_plan(build_without_weights(TFPart, PretrainedConfig(), checkpoint), checkpoint)
        again = Plan.from_json(json.loads(json.dumps(plan.to_json())))
        assert again.moves == plan.moves
        assert again.made == plan.made
        files = convert(again, checkpoint, output, Target(format="safetensors"))
        check_written(plan, checkpoint, files, Target(format="safetensors"))
    held = safetensors.numpy.load_file(files[0])
    for path, array in expected(stored()).items():
        np.testing.assert_array_equal(held[path], array)


def test_an_expert_that_is_not_there_is_named(tmp_path):
    tensors = stored()
    del tensors["blocks.0.experts.1.w3.weight"]
    save(tmp_path, tensors)
    with open_checkpoint(tmp_path) as checkpoint:
        model = build_without_weights(TFPart, PretrainedConfig(), checkpoint)
        with pytest.raises(UsageError, match=r"layer\.0\.experts\.gate_up_proj is missing .*experts\.1\.w3\.weight"):
            make_plan(model, checkpoint)
    _, info = TFPart.from_pretrained(tmp_path, from_pt=True, output_loading_info=True)
    assert info["missing_keys"] == ["layer.0.experts.gate_up_proj"]
