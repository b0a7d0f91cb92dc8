import json
from contextlib import ExitStack
from dataclasses import replace

import h5py
import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from porter.base.errors import LeftOver, UsageError
from porter.runtime.stored.checkpoint import CheckpointError, open_checkpoint
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Target as Variable
from porter.runtime.stored.pairing import pair
from porter.runtime.stored.shards import shards
from porter.runtime.stored.writers import Entry
from porter.weights.convert.convert import convert, plan_jobs
from porter.weights.convert.readback import check_written
from porter.weights.options import Target
from porter.weights.plan.plan import Plan

VARIABLES = {
    "emb.weight": Variable("emb/embeddings", (5, 3), "float32", Layout("embeddings")),
    "layer.0.weight": Variable("layer.0/kernel", (3, 2), "float32", Layout.parse("kernel: o i -> i o")),
    "conv.weight": Variable("conv/kernel", (2, 2, 3, 4), "float32", Layout.parse("kernel: o i h w -> h w i o")),
    "steps": Variable("steps", (), "int64", Layout("steps")),
}
TENSORS = {
    "emb.weight": np.arange(15, dtype=np.float32).reshape(5, 3),
    "layer.0.weight": np.arange(6, dtype=np.float16).reshape(2, 3),
    "conv.weight": np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32),
    "steps": np.array(7, np.int64),
}
EXPECTED = {
    "emb/embeddings": TENSORS["emb.weight"],
    "layer.0/kernel": TENSORS["layer.0.weight"].T,
    "conv/kernel": TENSORS["conv.weight"].transpose(2, 3, 1, 0),
    "steps": TENSORS["steps"],
}


@pytest.fixture
def planned(tmp_path):
    """Store tensors and plan them; the checkpoints are closed at the end."""
    with ExitStack() as stack:

        def plan(tensors=TENSORS, tied=None):
            file = tmp_path / f"model{len(list(tmp_path.iterdir()))}.safetensors"
            safetensors.numpy.save_file(tensors, file)
            checkpoint = stack.enter_context(open_checkpoint(file))
            return Plan(
                "TFM", "m", pair(checkpoint.tensors, VARIABLES, "", tied or {}), checkpoint.tensors
            ), checkpoint

        yield plan


@pytest.fixture
def write(tmp_path, planned):
    """Convert the usual tensors to a target: the plan, the checkpoint and the files."""

    def written(target):
        plan, checkpoint = planned()
        folder = tmp_path / "out"
        folder.mkdir()
        return plan, checkpoint, convert(plan, checkpoint, folder, target)

    return written


def read_all(files):
    found = {}
    for file in files:
        if file.suffix != ".json":
            with open_checkpoint(file) as stored:
                found |= {name.removesuffix(":0").replace("_._", "."): stored.read(name) for name in stored.tensors}
    return found


@pytest.mark.parametrize("limit", [10**9, 100])
@pytest.mark.parametrize("kind", ["h5", "safetensors"])
def test_every_number_arrives_in_its_place_and_type(write, kind, limit):
    plan, checkpoint, files = write(Target(kind, None, limit))
    found = read_all(files)
    assert set(found) == set(EXPECTED)
    for name, array in EXPECTED.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)
    check_written(plan, checkpoint, files, Target(kind))


def test_one_file_or_numbered_files_with_an_index(write):
    files = write(Target("h5", None, 100))[2]
    assert [file.name for file in files] == [
        "tf_model-00001-of-00003.h5",
        "tf_model-00002-of-00003.h5",
        "tf_model-00003-of-00003.h5",
        "tf_model.h5.index.json",
    ]
    index = json.loads(files[-1].read_text())
    assert index["metadata"]["total_size"] == 60 + 12 + 192 + 8
    assert index["weight_map"]["tfm/layer_._0/kernel:0"] == "tf_model-00001-of-00003.h5"
    with h5py.File(files[0]) as shard:
        assert list(shard.attrs["layer_names"]) == ["emb/embeddings:0", "layer_._0/kernel:0"]


def test_files_hold_as_much_as_allowed_in_order():
    sizes = {"a": 3, "b": 4, "c": 9, "d": 1, "e": 6}
    entries = [Entry(name, name, (), (size,), "uint8") for name, size in sizes.items()]
    assert [[entry.key for entry in file] for file in shards(entries, 7)] == [["a", "b"], ["c"], ["d", "e"]]


def test_floating_numbers_are_cast_only_when_asked(write):
    found = read_all(write(Target("safetensors", "bfloat16"))[2])
    assert {name: array.dtype.name for name, array in found.items()} == {
        "emb/embeddings": "bfloat16",
        "layer.0/kernel": "bfloat16",
        "conv/kernel": "bfloat16",
        "steps": "int64",
    }
    assert np.array_equal(found["conv/kernel"], EXPECTED["conv/kernel"].astype(ml_dtypes.bfloat16))


def test_bfloat16_is_kept_where_the_format_can_and_refused_where_not(tmp_path, planned):
    plan, checkpoint = planned({**TENSORS, "emb.weight": TENSORS["emb.weight"].astype(ml_dtypes.bfloat16)})
    with pytest.raises(UsageError, match=r"emb\.weight is bfloat16"):
        convert(plan, checkpoint, tmp_path, Target("h5"))
    found = read_all(convert(plan, checkpoint, tmp_path, Target("safetensors")))
    assert found["emb/embeddings"].dtype == ml_dtypes.bfloat16
    assert np.array_equal(found["emb/embeddings"].astype(np.float32), EXPECTED["emb/embeddings"])


@pytest.mark.parametrize("kind", ["h5", "safetensors"])
@pytest.mark.parametrize("wanted", [None, "float32"])
def test_complex_numbers_are_refused(planned, kind, wanted):
    plan, _ = planned()
    drawn = replace(plan.stored["emb.weight"], dtype="complex64")
    spiral = replace(plan, stored={**plan.stored, "emb.weight": drawn})
    with pytest.raises(UsageError, match=r"emb\.weight is complex64, .* would drop the imaginary part"):
        plan_jobs(spiral, Target(kind, wanted))


def test_the_format_is_what_the_safetensors_package_reads(write):
    file = write(Target("safetensors"))[2][0]
    for name, array in safetensors.numpy.load_file(file).items():
        assert np.array_equal(array, EXPECTED[name])


def test_tied_tensors_must_be_equal(tmp_path, planned):
    tied = {"head.weight": "emb.weight"}
    plan, checkpoint = planned({**TENSORS, "head.weight": TENSORS["emb.weight"].copy()}, tied)
    assert read_all(convert(plan, checkpoint, tmp_path, Target())).keys() == EXPECTED.keys()
    other = TENSORS["emb.weight"].copy()
    other[4, 2] += 1
    plan, checkpoint = planned({**TENSORS, "head.weight": other}, tied)
    with pytest.raises(CheckpointError, match=r"head\.weight and emb\.weight are one weight"):
        convert(plan, checkpoint, tmp_path, Target("safetensors"))


@pytest.mark.parametrize("kind", ["h5", "safetensors"])
def test_a_flipped_bit_is_found(write, kind):
    plan, checkpoint, files = write(Target(kind))
    raw = bytearray(files[0].read_bytes())
    place = raw.find(np.float32(13).tobytes())
    raw[place] ^= 1
    files[0].write_bytes(raw)
    with pytest.raises(LeftOver, match=r"emb/embeddings.* reads back other"):
        check_written(plan, checkpoint, files, Target(kind))


def test_an_absent_variable_is_found(write):
    plan, checkpoint, files = write(Target("h5", None, 100))
    with pytest.raises(LeftOver, match="do not hold what was planned: conv/kernel"):
        check_written(plan, checkpoint, [files[0], files[2]], Target("h5"))
