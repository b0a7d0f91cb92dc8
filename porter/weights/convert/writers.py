"""TensorFlow's weight files, written one tensor at a time: `tf_model.h5` or `tf_model.safetensors`, sharded or not."""

from __future__ import annotations

import json
import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from porter.runtime.stored.h5_file import H5Writer
from porter.runtime.stored.safetensors_file import DTYPES
from porter.runtime.stored.tensor_source import Array, numpy_dtype

TYPE_NAMES = {name: code for code, name in DTYPES.items()}
ALIGNMENT = 8


@dataclass(frozen=True)
class Entry:
    """One variable to be written.

    Attributes:
        key: what identifies it in the file.
        name: what the file calls it, with the model's name in front where the format has it there.
        groups: the file's groups that hold it.
        shape: in the file.
        dtype: in the file.
    """

    key: str
    name: str
    groups: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return math.prod(self.shape) * numpy_dtype(self.dtype).itemsize


class Writer(ABC):
    """Takes the announced entries in their order; to be used in a `with` statement."""

    @abstractmethod
    def add(self, entry: Entry, array: Array) -> None:
        """Write one variable; nothing of it stays in memory."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class H5Shard(Writer):
    """A `tf_model.h5`, or one file of several."""

    def __init__(self, path: Path, entries: Sequence[Entry], *, flat: bool, empty_groups: Sequence[str] = ()) -> None:
        self._writer = H5Writer(path, flat=flat)
        for group in () if flat else empty_groups:
            self._writer.add_group(group)

    def add(self, entry: Entry, array: Array) -> None:
        """Write one variable as a dataset."""
        self._writer.add(entry.name, entry.groups, array)

    def close(self) -> None:
        """Write the lists of names."""
        self._writer.close()

    def __exit__(self, *error: object) -> None:
        self._writer.__exit__(*error)


class SafetensorsShard(Writer):
    """A `tf_model.safetensors`, or one file of several.

    All entries are announced first, so the header is written before the first number.
    """

    def __init__(self, path: Path, entries: Sequence[Entry], *, flat: bool, empty_groups: Sequence[str] = ()) -> None:
        self._file = path.open("xb")
        header: dict[str, object] = {"__metadata__": {"format": "tf"}}
        position = 0
        for entry in entries:
            offsets = [position, position + entry.size]
            header[entry.key] = {"dtype": TYPE_NAMES[entry.dtype], "shape": list(entry.shape), "data_offsets": offsets}
            position += entry.size
        raw = json.dumps(header, separators=(",", ":")).encode()
        raw += b" " * (-len(raw) % ALIGNMENT)
        self._file.write(struct.pack("<Q", len(raw)) + raw)

    def add(self, entry: Entry, array: Array) -> None:
        """Append one variable's numbers."""
        self._file.write(np.ascontiguousarray(array).view(np.uint8).data if array.size else b"")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


FORMATS: dict[str, type[H5Shard] | type[SafetensorsShard]] = {"h5": H5Shard, "safetensors": SafetensorsShard}


def shards(entries: Sequence[Entry], limit: int) -> list[list[Entry]]:
    """Split the entries, in their order, into files of at most `limit` bytes; a larger entry has a file to itself."""
    files: list[list[Entry]] = []
    filled = limit + 1
    for entry in entries:
        if filled + entry.size > limit:
            files.append([])
            filled = 0
        files[-1].append(entry)
        filled += entry.size
    return files


def file_names(count: int, ending: str) -> list[str]:
    """`tf_model.h5`, or `tf_model-00001-of-00002.h5` and so on."""
    if count == 1:
        return [f"tf_model.{ending}"]
    return [f"tf_model-{number:05d}-of-{count:05d}.{ending}" for number in range(1, count + 1)]


def write_index(folder: Path, files: dict[str, Sequence[Entry]], ending: str) -> Path:
    """The index of several files: which variable lies where."""
    weight_map = {entry.name: file for file, entries in files.items() for entry in entries}
    total = sum(entry.size for entries in files.values() for entry in entries)
    path = folder / f"tf_model.{ending}.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=2) + "\n")
    return path
