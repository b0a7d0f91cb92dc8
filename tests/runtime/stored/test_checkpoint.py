import json
import os
import struct
import warnings

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from porter.runtime.stored.checkpoint import CheckpointError, inside, open_checkpoint
from porter.runtime.stored.tensor_source import PIECE, STRIP, contiguous, same_bits

TENSORS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1.5, -2, 3], dtype=ml_dtypes.bfloat16),
    "c": np.array(7, dtype=np.int64),
    "empty": np.zeros((0, 4), dtype=np.float16),
}


def write_header(path, header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw) if length is None else length) + raw + data)
    return path


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def write_sharded(folder):
    names = {f"t{i}": f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
    for name, file in names.items():
        safetensors.numpy.save_file({name: np.full(3, ord(name[1]), np.float32)}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    return names


def test_single_file_as_safetensors_wrote_it(tmp_path):
    safetensors.numpy.save_file(TENSORS, tmp_path / "model.safetensors", {"format": "pt"})
    with open_checkpoint(tmp_path) as checkpoint:
        assert set(checkpoint.tensors) == set(TENSORS)
        for name, tensor in TENSORS.items():
            assert checkpoint.tensors[name].shape == tensor.shape
            read = checkpoint.read(name)
            assert read.dtype == tensor.dtype
            assert np.array_equal(read, tensor)


def test_arrays_outlive_the_checkpoint(tmp_path):
    safetensors.numpy.save_file(TENSORS, tmp_path / "model.safetensors")
    with open_checkpoint(tmp_path) as checkpoint:
        read = checkpoint.read("a.weight")
    assert np.array_equal(read, TENSORS["a.weight"])


def test_sharded(tmp_path):
    write_sharded(tmp_path)
    with open_checkpoint(tmp_path) as checkpoint:
        assert sorted(checkpoint.tensors) == ["t1", "t2"]
        assert checkpoint.read("t2")[0] == ord("2")


def test_bin_is_read_weights_only(tmp_path):
    torch = pytest.importorskip("torch")
    state = {"w": torch.arange(6.0).reshape(2, 3).t(), "h": torch.tensor([1.5, 3], dtype=torch.bfloat16)}
    torch.save(state, tmp_path / "pytorch_model.bin")
    with open_checkpoint(tmp_path) as checkpoint:
        assert np.array_equal(checkpoint.read("w"), state["w"].numpy())
        assert checkpoint.tensors["h"].dtype == "bfloat16"
        assert checkpoint.read("h").astype(np.float32).tolist() == [1.5, 3.0]


class Executed:
    def __reduce__(self):
        return (os.mkdir, ("executed",))


def test_bin_with_code_is_refused_and_the_code_not_run(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    torch.save({"w": Executed()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="more than tensors"):
        open_checkpoint(tmp_path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("content", [b"", b"junk", b"\x80\x02K", b"PK\x03\x04 cut", b"no pickle at all"])
def test_damaged_bin(tmp_path, content):
    pytest.importorskip("torch")
    (tmp_path / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("form", ["quantized", "sparse", "without numbers"])
def test_a_tensor_that_does_not_simply_hold_its_numbers_is_refused_in_a_word(tmp_path, form):
    torch = pytest.importorskip("torch")
    plain = torch.arange(4.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch is about to drop its quantized tensors
        made = {
            "quantized": lambda: torch.quantize_per_tensor(plain, 0.1, 0, torch.qint8),
            "sparse": plain.to_sparse,
            "without numbers": lambda: plain.to("meta"),
        }[form]()
        torch.save({"w": made}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="'w' in a form that is quantized, sparse, nested or without numbers"):
        open_checkpoint(tmp_path)


def test_negated_numbers_are_read_as_what_they_are(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": torch._neg_view(torch.arange(4.0))}, tmp_path / "pytorch_model.bin")
    with open_checkpoint(tmp_path) as checkpoint:
        np.testing.assert_array_equal(checkpoint.read("w"), [-0.0, -1, -2, -3])


def test_a_table_of_something_else_is_refused(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": [1, 2]}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="not a tensor"):
        open_checkpoint(tmp_path)


HOSTILE = {
    "outside": ({"a": entry(offsets=(0, 4096), shape=(1024,))}, b"12345678", "outside of the file"),
    "backwards": ({"a": entry(offsets=(8, 0))}, b"12345678", "outside of the file"),
    "does not multiply out": ({"a": entry(shape=(3,))}, b"12345678", "needs 12 bytes and has 8"),
    "overflow": ({"a": entry(shape=(2**62, 4))}, b"12345678", "needs"),
    "dtype lie": ({"a": entry(dtype="F64")}, b"12345678", "needs 16 bytes and has 8"),
    "unknown dtype": ({"a": entry(dtype="PICKLE")}, b"12345678", "unknown dtype"),
    "negative": ({"a": entry(shape=(-2, -1))}, b"12345678", "not a list of natural numbers"),
    "true as a number": ({"a": entry(shape=(True, 2))}, b"12345678", "not a list of natural numbers"),
    "three offsets": ({"a": entry(offsets=(0, 8, 9))}, b"12345678", "not a list of natural numbers"),
    "overlap": ({"a": entry(), "b": entry(offsets=(4, 12))}, b"123456789012", "overlaps"),
    "gap": ({"a": entry(offsets=(4, 12))}, b"123456789012", "gap"),
    "trailing": ({"a": entry()}, b"123456789012", "belong to no tensor"),
    "no table": ([1, 2], b"", "not a table"),
    "entry is not a table": ({"a": 3}, b"", "must have dtype"),
    "twice": (b'{"a": {"dtype": "F32", "dtype": "F16", "shape": [], "data_offsets": [0, 4]}}', b"1234", "twice"),
    "no json": (b"{", b"", "not JSON"),
    "nested": (b"[" * 100_000, b"", "not JSON"),
    "no text": (b"\xff\xfe", b"", "not JSON"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_header_that_lies_is_refused(tmp_path, case):
    header, data, sentence = HOSTILE[case]
    write_header(tmp_path / "model.safetensors", header, data)
    with pytest.raises(CheckpointError, match=sentence):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\x01", struct.pack("<Q", 2**63), struct.pack("<Q", 9) + b"{}"])
def test_a_cut_header_is_refused(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match="cut off"):
        open_checkpoint(tmp_path)


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(TENSORS, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="outside of the file"):
        open_checkpoint(tmp_path)


def test_an_empty_folder_says_what_it_must_hold(tmp_path):
    with pytest.raises(CheckpointError, match="holds no PyTorch weights") as caught:
        open_checkpoint(tmp_path)
    assert "model.safetensors" in caught.value.hint


@pytest.mark.parametrize("name", ["../x.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "a\\b", "a\0b"])
def test_an_index_names_plain_files_only(tmp_path, name):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(CheckpointError, match="not a plain file name"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', '{"weight_map": {}}']
)
def test_a_broken_index_is_refused(tmp_path, text):
    (tmp_path / "model.safetensors.index.json").write_text(text)
    with pytest.raises(CheckpointError):
        open_checkpoint(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "secret.safetensors").write_bytes(b"secret")
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to("../secret.safetensors")
    with pytest.raises(CheckpointError, match="leads out"):
        open_checkpoint(folder)


def test_the_links_of_the_hub_cache_are_followed(tmp_path):
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "abc"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    (blobs / "123").write_bytes(b"")
    (snapshot / "model.safetensors").symlink_to("../../blobs/123")
    assert inside(snapshot, "model.safetensors") == snapshot / "model.safetensors"


def test_index_and_shards_must_agree(tmp_path):
    names = write_sharded(tmp_path)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {**names, "t3": names["t1"]}}))
    with pytest.raises(CheckpointError, match="'t3' stands in the index, not the file"):
        open_checkpoint(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    names = write_sharded(tmp_path)
    (tmp_path / names["t2"]).unlink()
    with pytest.raises(CheckpointError, match=r"00002-of-00002\.safetensors cannot be read"):
        open_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
        (np.array([0.0]), np.array([-0.0]), False),
        (np.zeros((2, 3)), np.zeros((3, 2)), False),
        (np.zeros(2, np.float32), np.zeros(2, np.int32), False),
        (np.zeros((0, 2)), np.zeros((0, 2)), True),
        (np.float32(3), np.array(3, np.float32), True),
        (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T.copy(), True),
    ],
)
def test_same_bits(first, second, same):
    assert same_bits(np.asarray(first), second) is same


def test_a_difference_in_the_last_piece_is_seen():
    first = np.zeros(PIECE + 5, np.uint8)
    second = first.copy()
    second[-1] = 1
    assert not same_bits(first, second)


@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (4, 0), (1, 5), (STRIP + 1, 2 * STRIP + 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_contiguous_keeps_every_number(shape, dtype):
    array = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    for given in (array, array.T, array[::2] if shape else array):
        copied = contiguous(given)
        assert copied.flags.c_contiguous
        assert copied.dtype == given.dtype
        np.testing.assert_array_equal(copied, given)
