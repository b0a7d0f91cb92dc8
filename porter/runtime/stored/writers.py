"""Writers of weight files: all variables are announced, then each is written and forgotten."""

from __future__ import annotations

import json
import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

import numpy as np

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


class OpenWriter(Protocol):
    """Opens a file for entries that are all announced."""

    def __call__(
        self, path: Path, entries: Sequence[Entry], *, flat: bool, empty_groups: Sequence[str] = ()
    ) -> Writer:
        """The writer; `flat` where the file is one of several."""


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
