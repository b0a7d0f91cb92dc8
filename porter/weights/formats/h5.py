"""`tf_model.h5`, as the TensorFlow classes of transformers 4 read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from porter.base.errors import UsageError
from porter.runtime.model.transformers4 import Stored
from porter.runtime.stored.h5_file import H5Writer, weight_key
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Move
from porter.runtime.stored.tensor_source import Array, numpy_dtype
from porter.weights.formats.kinds import Entry, TensorFormat, Writer


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


def place(move: Move, stored: Stored, dtype: str) -> tuple[Layout, Entry]:
    """A dataset under the name and in the groups that transformers 4 gave it.

    Raises:
        UsageError: HDF5 cannot hold the type.
    """
    layout, shape = move.target.layout, move.target.shape
    if numpy_dtype(dtype).kind == "V":
        raise UsageError(
            f"{move.source} is {dtype}, which HDF5 files cannot hold.",
            hint="--format safetensors keeps it; --dtype float32 doubles the size",
        )
    shape = stored.shape(shape, layout.torch_shape(shape))
    layout = Layout(layout.variable) if stored.as_torch else layout
    return layout, Entry(weight_key(stored.name), stored.name, stored.groups, shape, dtype)


FORMAT = TensorFormat("h5", H5Shard, place)
