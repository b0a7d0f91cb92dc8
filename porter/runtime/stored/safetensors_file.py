"""One safetensors file, read without the safetensors package: the header is checked, then tensors are mapped singly.

The format: eight bytes with the header's length (little endian), a JSON header
`{name: {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {...}}`, then the numbers.
A file comes from strangers, so all of the header is checked against the file before the first tensor is handed out.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, TensorInfo, numpy_dtype

# Names of numpy or, for the types numpy lacks, of ml_dtypes, which TensorFlow brings along.
DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "U16": "uint16",
    "I32": "int32",
    "U32": "uint32",
    "I64": "int64",
    "U64": "uint64",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
}
HEADER_LIMIT = 100_000_000
LENGTH_BYTES = 8


@dataclass(frozen=True)
class Slot:
    """A tensor and its bytes `begin` to `end`, counted from the start of the file."""

    info: TensorInfo
    begin: int
    end: int


class SafetensorsFile(Checkpoint):
    """A safetensors file whose tensors are mapped one at a time.

    Raises:
        CheckpointError: the file is cut off, or its header lies.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file: IO[bytes] = path.open("rb")
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            self._slots = read_slots(path, self._file)
        except CheckpointError:
            self._file.close()
            raise
        self.tensors = {name: slot.info for name, slot in self._slots.items()}

    def read(self, name: str) -> Array:
        """The tensor `name` as an array over the mapped file; the mapping ends with the array."""
        slot = self._slots[name]
        dtype = numpy_dtype(slot.info.dtype)
        if slot.begin == slot.end:
            return np.empty(slot.info.shape, dtype)
        length = slot.end - slot.begin
        raw: Array = np.memmap(self._file, np.uint8, "r", slot.begin, (length,))
        return raw.view(np.ndarray).view(dtype).reshape(slot.info.shape)

    def close(self) -> None:
        """Close the file; arrays already handed out stay valid."""
        self._file.close()


def read_slots(path: Path, file: IO[bytes]) -> dict[str, Slot]:
    """Every tensor of the file with its place, after all of the header has been checked.

    Raises:
        CheckpointError: with the sentence that says what is wrong.
    """
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(LENGTH_BYTES)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < LENGTH_BYTES or length > size - LENGTH_BYTES:
        raise _damaged(path, "it is cut off inside its header")
    if length > HEADER_LIMIT:
        raise _damaged(path, f"its header claims {length} bytes, more than {HEADER_LIMIT}")
    header = _parse_header(path, file.read(length))
    start = LENGTH_BYTES + length
    slots = {name: _slot(path, name, entry, start, size) for name, entry in header.items() if name != "__metadata__"}
    _check_no_gaps(path, slots, start, size)
    return slots


def _parse_header(path: Path, raw: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            raise _damaged(path, "its header names a key twice")
        return table

    try:
        header = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a table")
    return header


def _slot(path: Path, name: str, entry: object, start: int, size: int) -> Slot:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise _damaged(path, f"tensor {name!r} must have dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _damaged(path, f"tensor {name!r} has the unknown dtype {dtype!r}")
    if not _is_counts(shape) or not _is_counts(offsets) or len(offsets) != 2:
        raise _damaged(path, f"tensor {name!r} has a shape or offsets that are not a list of natural numbers")
    begin, end = (start + offset for offset in offsets)
    if not start <= begin <= end <= size:
        raise _damaged(path, f"tensor {name!r} lies outside of the file, which is cut off or damaged")
    needed = math.prod(shape) * numpy_dtype(DTYPES[dtype]).itemsize
    if needed != end - begin:
        raise _damaged(path, f"tensor {name!r} of shape {shape} needs {needed} bytes and has {end - begin}")
    return Slot(TensorInfo(tuple(shape), DTYPES[dtype]), begin, end)


def _is_counts(value: object) -> bool:
    return isinstance(value, list) and all(type(item) is int and 0 <= item < 1 << 63 for item in value)


def _check_no_gaps(path: Path, slots: Mapping[str, Slot], start: int, size: int) -> None:
    position = start
    for name, slot in sorted(slots.items(), key=lambda item: (item[1].begin, item[1].end)):
        if slot.begin != position:
            fault = "overlaps another" if slot.begin < position else "leaves a gap before it"
            raise _damaged(path, f"tensor {name!r} {fault}")
        position = slot.end
    if position != size:
        raise _damaged(path, f"{size - position} bytes at its end belong to no tensor")


def _damaged(path: Path, fault: str) -> CheckpointError:
    return CheckpointError(f"{path} is not a sound safetensors file: {fault}.", hint="download it again")
