"""Readers of what strangers wrote: whatever the bytes, the answer is the tensors or one CheckpointError."""

import json
import struct

import numpy as np
import pytest
import safetensors.numpy

from porter.runtime.stored.checkpoint import CheckpointError, open_checkpoint, read_index

INPUTS = 3000
TENSORS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.ones((4,), np.float16),
    "c": np.array(7, np.int64),
}


def flipped(draw, raw):
    """A few bytes replaced."""
    spoiled = bytearray(raw)
    for place in draw.integers(0, len(raw), draw.integers(1, 5)):
        spoiled[place] = draw.integers(0, 256)
    return bytes(spoiled)


def cut(draw, raw):
    """Cut off, or a piece taken out or put in twice."""
    start, end = sorted(draw.integers(0, len(raw) + 1, 2))
    return (raw[:start], raw[:start] + raw[end:], raw[:end] + raw[start:])[draw.integers(3)]


def edited(draw, raw):
    """A number or a name of the header replaced by another, its length corrected."""
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    name = draw.choice(list(header))
    odd = (-1, 0, 1, 2**31, 2**63, 2**64, 1.5, "8", None, True, [], {}, "F64", "../x", [0, 24], [24, 0], [[0, 24]])
    key = draw.choice(["dtype", "shape", "data_offsets", "more"])
    header[name][key] = odd[draw.integers(len(odd))]
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + raw[8 + length :]


@pytest.mark.parametrize("spoil", [flipped, cut, edited])
def test_a_spoiled_file_is_refused_or_read_whole(tmp_path, spoil):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(TENSORS, path)
    raw = path.read_bytes()
    draw = np.random.default_rng(7)
    refused = []
    for _ in range(INPUTS):
        path.write_bytes(spoil(draw, raw))
        try:
            with open_checkpoint(path) as checkpoint:
                for name, info in checkpoint.tensors.items():
                    read = checkpoint.read(name)
                    assert (read.shape, read.dtype.name) == (info.shape, info.dtype)
        except CheckpointError as error:
            refused.append(error.sentence)
    assert len(refused) > INPUTS / 4
    assert not any("\n" in sentence for sentence in refused)


def test_what_is_read_is_what_the_safetensors_package_reads(tmp_path):
    """Where porter takes a spoiled file, the package that defines the format takes it too, with the same numbers."""
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(TENSORS, path)
    raw = path.read_bytes()
    draw = np.random.default_rng(8)
    taken = 0
    for _ in range(INPUTS):
        path.write_bytes(flipped(draw, raw))
        try:
            with open_checkpoint(path) as checkpoint:
                found = {name: checkpoint.read(name) for name in checkpoint.tensors}
        except CheckpointError:
            continue
        taken += 1
        expected = safetensors.numpy.load_file(path)
        assert set(found) == set(expected)
        for name, array in expected.items():
            assert found[name].tobytes() == array.tobytes()
    assert taken > 10


def test_a_spoiled_index_is_refused_or_names_files(tmp_path):
    path = tmp_path / "model.safetensors.index.json"
    raw = json.dumps(
        {"metadata": {"total_size": 3}, "weight_map": {"a": "x.safetensors", "b": "y.safetensors"}}
    ).encode()
    draw = np.random.default_rng(9)
    refused = []
    for _ in range(INPUTS):
        path.write_bytes((flipped, cut)[draw.integers(2)](draw, raw))
        try:
            assert all(isinstance(file, str) for file in read_index(path).values())
        except CheckpointError as error:
            refused.append(error.sentence)
    assert len(refused) > INPUTS / 4
    assert not any("\n" in sentence for sentence in refused)
