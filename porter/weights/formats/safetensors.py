"""`tf_model.safetensors`, with the variables' paths as names."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from porter.runtime.stored.safetensors_file import DTYPES
from porter.runtime.stored.tensor_source import Array
from porter.weights.formats.kinds import Entry, TensorFormat, Writer

TYPE_NAMES = {name: code for code, name in DTYPES.items()}
ALIGNMENT = 8


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


FORMAT = TensorFormat("safetensors", SafetensorsShard)
