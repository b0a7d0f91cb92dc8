"""Converted checkpoints hold, bit for bit, what transformers makes of the same files."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest
import torch
from transformers import AutoConfig, AutoModel, core_model_loading

from porter.rewrite.definitions.checkpoints import declared_for
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.conversions import Conversion, ModelShapes, forms
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Rename, Scope, Target, pair, problems, rename_all
from porter.runtime.stored.stored_expressions import Converted, from_json
from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, TensorInfo

CONFIG = SimpleNamespace(num_attention_heads=2, vision=SimpleNamespace(num_attention_heads=3))


class Held(Checkpoint):
    """Arrays in memory, and which of them were read."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.arrays = arrays
        self.tensors = {name: TensorInfo(array.shape, array.dtype.name) for name, array in arrays.items()}
        self.reads: list[str] = []

    def read(self, name: str) -> Array:
        self.reads.append(name)
        return self.arrays[name]

    def close(self) -> None:
        pass


def entry(sources: list[str], targets: list[str], *operations: tuple[object, ...]) -> dict[str, object]:
    return {"from": sources, "to": targets, "by": list(operations)}


def view(
    file: Checkpoint, shapes: dict[str, tuple[int, ...]], *entries: dict[str, object], prefix: str = ""
) -> Converted:
    conversions = [Conversion.declared(Scope("", prefix), each) for each in entries]
    found = forms(file.tensors, ModelShapes(shapes, prefix, CONFIG), str, conversions)
    return Converted(file, found.made, found.absent)


def numbered(*shape: int, start: int = 0) -> Array:
    return np.arange(start, start + np.prod(shape), dtype=np.float32).reshape(shape)


FUSED = numbered(12, 4)
CHUNK, MERGE = core_model_loading.Chunk, core_model_loading.MergeModulelist
QKV = ["q.weight", "k.weight", "v.weight"]
CASES = {
    "chunk": ([("chunk", 0)], [CHUNK(0)], {"x": FUSED}, QKV),
    "chunk along another axis": ([("chunk", 1)], [CHUNK(1)], {"x": FUSED}, QKV[:2]),
    "chunk with a shorter last part": ([("chunk", 0)], [CHUNK(0)], {"x": numbered(5, 2)}, QKV),
    "split": ([("split", 0)], [core_model_loading.Split(0)], {"x": FUSED}, QKV),
    "concatenate": (
        [("concatenate", 0)],
        [core_model_loading.Concatenate(0)],
        {"x": FUSED, "z": numbered(2, 4, start=50)},
        ["q.weight"],
    ),
    "interleave": ([("interleave", 0)], [core_model_loading.Interleave(0)], {"x": FUSED}, ["q.weight"]),
    "interleave back": (
        [("interleave", 1, True)],
        [core_model_loading.Interleave(1, inverse=True)],
        {"x": FUSED},
        ["q.weight"],
    ),
    "interleave, then chunk": (
        [("interleave", 0), ("chunk", 0)],
        [core_model_loading.Interleave(0), CHUNK(0)],
        {"x": FUSED},
        QKV,
    ),
    "transpose": (
        [("transpose", 1, 2)],
        [core_model_loading.Transpose(1, 2)],
        {"x": numbered(2, 3, 4)},
        ["q.weight"],
    ),
    "rope": (
        [("permute_for_rope", "vision")],
        [core_model_loading.PermuteForRope("vision")],
        {"x": FUSED},
        ["q.weight"],
    ),
    "rope of a bias": ([("permute_for_rope",)], [core_model_loading.PermuteForRope()], {"x": FUSED[:, 0]}, QKV[:1]),
    "rope of some": (
        [("chunk", 0), ("permute_for_rope", None, ("q", "k"))],
        [CHUNK(0), core_model_loading.PermuteForRope(permute_layer_names=["q", "k"])],
        {"x": FUSED},
        QKV,
    ),
    "merge": ([("merge", 0)], [MERGE(0)], {f"x.{i}.w": numbered(3, 2, start=10 * i) for i in range(11)}, ["q.weight"]),
    "merge, then concatenate": (
        [("merge", 0), ("concatenate", 1)],
        [MERGE(0), core_model_loading.Concatenate(1)],
        {f"{name}.{i}.w": numbered(3, 2, start=10 * i) for name in "xz" for i in range(2)},
        ["q.weight"],
    ),
    "distribute": (
        [("distribute", 0, 1)],
        [core_model_loading.ErnieFuseAndSplitTextVisionExperts(0, 1)],
        {f"{name}.{i}.w": numbered(3, 2, start=10 * i) for name in "xz" for i in range(4)},
        QKV[:2],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_are_transformers(name):
    declared, operations, arrays, targets = CASES[name]
    sources = list(dict.fromkeys(f"{key.partition('.')[0]}{'.*.w' if '.' in key else ''}" for key in arrays))
    sizes = dict(zip(QKV, (6, 4, 2), strict=True)) if name == "split" else {}
    expected = {
        source: [torch.tensor(array) for key, array in arrays.items() if key.partition(".")[0] == source[0]]
        for source in sources
    }
    model = SimpleNamespace(get_parameter=lambda target: torch.empty(sizes[target.removeprefix("layer.")], 4))
    options = {"config": CONFIG, "model": model, "full_layer_name": f"layer.{targets[0]}"}
    for operation in operations:
        expected = operation.convert(expected, source_patterns=sources, target_patterns=targets, **options)

    file = Held({f"layer.{key}": array for key, array in arrays.items()})
    wanted = {f"layer.{target}": tuple(expected[target].shape) for target in targets}
    converted = view(file, wanted, entry(sources, targets, *declared))
    assert not file.reads
    assert {key: info.shape for key, info in converted.tensors.items()} == wanted
    for target in targets:
        np.testing.assert_array_equal(converted.read(f"layer.{target}"), expected[target].numpy())
        expression = converted.made[f"layer.{target}"]
        assert from_json(json.loads(json.dumps(expression.to_json()))) == expression


@pytest.mark.parametrize("stored", [(2, 3, 4), (2, 4, 3)])
def test_transposed_only_where_the_shape_asks_for_it(stored):
    file = Held({"experts.up": numbered(*stored)})
    converted = view(
        file, {"experts.up": (2, 4, 3)}, entry(["experts.up"], ["experts.up"], ("transpose_to_fit", 1, 2))
    )
    array = file.arrays["experts.up"]
    np.testing.assert_array_equal(converted.read("experts.up"), array if stored[1] == 4 else array.swapaxes(1, 2))


DOWN = entry(["experts.*.down.weight"], ["experts.down"], ("merge", 0))


def experts(numbers, dtype=np.float32):
    return Held({f"m.experts.{i}.down.weight": numbered(3, 2, start=i).astype(dtype) for i in numbers})


@pytest.mark.parametrize(("numbers", "lacking"), [((0, 2, 3), 1), ((0, 1, 2), 3)])
def test_an_expert_that_is_not_there_is_named(numbers, lacking):
    converted = view(experts(numbers), {"m.experts.down": (4, 3, 2)}, DOWN)
    assert converted.absent == {"m.experts.down": (f"m.experts.{lacking}.down.weight",)}
    assert "m.experts.down" not in converted.tensors


def test_a_part_that_is_not_there_is_named():
    file = Held({"a.q.weight": numbered(2, 3), "a.v.weight": numbered(2, 3)})
    fused = entry(["q.weight", "k.weight", "v.weight"], ["qkv.weight"], ("concatenate", 0))
    assert view(file, {"a.qkv.weight": (6, 3)}, fused).absent == {"a.qkv.weight": ("a.k.weight",)}


def test_bfloat16_stays():
    converted = view(experts(range(4), ml_dtypes.bfloat16), {"m.experts.down": (4, 3, 2)}, DOWN)
    assert converted.tensors["m.experts.down"].dtype == "bfloat16"
    assert converted.read("m.experts.down").dtype == ml_dtypes.bfloat16


def test_only_the_tensors_of_the_target_are_read():
    file = experts(range(4))
    file = Held({**file.arrays, "m.other": numbered(2), "n.experts.0.down.weight": numbered(3, 2)})
    converted = view(file, {"m.experts.down": (4, 3, 2), "n.experts.down": (1, 3, 2), "m.other": (2,)}, DOWN)
    converted.read("n.experts.down")
    assert file.reads == ["n.experts.0.down.weight"]
    converted.read("m.other")
    assert file.reads == ["n.experts.0.down.weight", "m.other"]


def test_tensors_of_unlike_shapes_are_refused():
    file = Held({"m.experts.0.down.weight": numbered(3, 2), "m.experts.1.down.weight": numbered(2, 2)})
    with pytest.raises(CheckpointError, match=r"m\.experts\.0\.down\.weight, m\.experts\.1\.down\.weight"):
        view(file, {"m.experts.down": (2, 3, 2)}, DOWN)


def test_a_model_that_holds_the_stored_form_is_left_alone():
    file = experts(range(4))
    assert view(file, dict.fromkeys(file.tensors, (3, 2)), DOWN).tensors == file.tensors


def test_a_file_that_holds_the_converted_form_is_left_alone():
    file = Held({"m.experts.down": numbered(4, 3, 2)})
    assert view(file, {"m.experts.down": (4, 3, 2)}, DOWN).tensors == file.tensors


@pytest.mark.parametrize("held", ["encoder.m.", "m."])
@pytest.mark.parametrize("known", ["encoder.m.", "m."])
def test_the_base_models_prefix_may_be_there_or_not(held, known):
    file = Held({f"{held}experts.{i}.down.weight": numbered(3, 2) for i in range(4)})
    converted = view(file, {f"{known}experts.down": (4, 3, 2)}, DOWN, prefix="encoder")
    assert set(converted.tensors) == {f"{held}experts.down"}


def test_a_declaration_holds_below_its_model_alone():
    conversion = Conversion.declared(Scope("model.text", "model"), DOWN)
    assert conversion.match("model.text.experts.0.down.weight") is not None
    assert conversion.match("text.experts.0.down.weight") is not None
    assert conversion.match("model.vision.experts.0.down.weight") is None
    rename = Rename(Scope("model.text", "model"), "experts", "mlp")
    assert rename("model.text.experts.experts") == "model.text.mlp.experts"
    assert rename("model.vision.experts") == "model.vision.experts"


def test_a_pattern_ends_with_a_word():
    qkv = entry(["qkv"], ["q"], ("chunk", 0))
    assert view(Held({"m.qkv": numbered(6)}), {"m.q": (6,)}, qkv).made
    assert not view(Held({"m.qkv_scale": numbered(6)}), {"m.q_scale": (6,)}, qkv).made
    assert Rename(Scope(), "qkv", "q")("m.qkv") == "m.q"
    assert Rename(Scope(), "qkv", "q")("m.qkv_scale") == "m.qkv_scale"


TINY = {
    "vocab_size": 32,
    "hidden_size": 16,
    "intermediate_size": 24,
    "moe_intermediate_size": 12,
    "shared_expert_intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
}
FAMILIES = {
    "mixtral": {"num_local_experts": 12},
    "qwen2_moe": {"num_experts": 3},
    "deepseek_v3": {
        "n_routed_experts": 4, "n_group": 2, "topk_group": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1,
        "q_lora_rank": 8, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 8,
    },
    "jina_embeddings_v3": {},
    "dinov2": {"use_swiglu_ffn": True, "image_size": 8, "patch_size": 4},
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_save_pretrained_writes_is_read_as_the_model_has_it(family, dtype, tmp_path):
    torch.manual_seed(0)
    model = AutoModel.from_config(AutoConfig.for_model(family, **TINY | FAMILIES[family])).to(dtype)
    model.save_pretrained(tmp_path)
    state = model.state_dict()
    declared = declared_for(type(model).__name__, family)
    assert declared.conversions and not declared.unknown
    renames = [Rename(Scope(), *each) for each in declared.renames]
    conversions = [Conversion.declared(Scope(), each) for each in declared.conversions]
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    with open_checkpoint(Path(tmp_path)) as file:
        assert not set(shapes) <= set(file.tensors)
        about = ModelShapes(shapes, "", model.config)
        found = forms(file.tensors, about, lambda name: rename_all(name, renames), conversions)
        converted = Converted(file, found.made, found.absent)
        assert {rename_all(name, renames) for name in converted.tensors} == set(state)
        for name in converted.tensors:
            expected = state[rename_all(name, renames)].contiguous().view(torch.uint8).numpy()
            assert converted.read(name).tobytes() == expected.tobytes()


def test_what_cannot_be_made_is_missing_and_its_parts_are_unexpected():
    converted = view(experts((0, 2)), {"m.experts.down": (3, 3, 2)}, DOWN)
    target = Target("m/experts/down", (3, 3, 2), "float32", Layout("down"))
    pairing = replace(pair(converted.tensors, {"m.experts.down": target}, "", {}), absent=converted.absent)
    assert pairing.unexpected == ("m.experts.0.down.weight", "m.experts.2.down.weight")
    assert list(problems(pairing)) == [
        "m.experts.down is missing from the checkpoint, which lacks its m.experts.1.down.weight"
    ]
