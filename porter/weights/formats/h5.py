"""`tf_model.h5`, as the TensorFlow classes of transformers 4 read it."""

from __future__ import annotations

from porter.base.errors import UsageError
from porter.runtime.model.transformers4 import Stored
from porter.runtime.stored.h5_shard import H5Shard
from porter.runtime.stored.layouts import Layout
from porter.runtime.stored.pairing import Move
from porter.runtime.stored.tensor_source import numpy_dtype
from porter.runtime.stored.writers import Entry
from porter.weights.formats.kinds import TensorFormat


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
    entry = stored.entry(shape, layout.torch_shape(shape), dtype)
    return Layout(layout.variable) if stored.as_torch else layout, entry


FORMAT = TensorFormat("h5", H5Shard, place)
