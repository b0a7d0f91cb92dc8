"""The weights of a built model as `tf_model` files of bounded size."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porter.runtime.model.names import NamedVariable, named_variables
from porter.runtime.model.transformers4 import Stored, empty_groups, stored_names
from porter.runtime.port_errors import WrongValue
from porter.runtime.stored.h5_shard import H5Shard
from porter.runtime.stored.shards import file_names, shards, write_index
from porter.runtime.stored.tensor_source import Array, contiguous, numpy_dtype
from porter.runtime.stored.writers import Entry, OpenWriter, SafetensorsShard

_WRITERS: Mapping[str, OpenWriter] = {"safetensors": SafetensorsShard, "h5": H5Shard}
_WRITTEN = re.compile(r"tf_model(-\d{5}-of-\d{5})?\.(safetensors|h5)|tf_model\.(safetensors|h5)\.index\.json")


def write_weights(model: Any, folder: Path, ending: str, limit: int) -> None:
    """Write the weights into a folder that has none, one variable at a time.

    Args:
        model: a built model.
        folder: an existing folder.
        ending: `"safetensors"` (variable paths as names) or `"h5"` (as transformers 4 reads it).
        limit: bytes of a file; a larger variable has a file to itself. With several files goes an index.

    Raises:
        WrongValue: HDF5 cannot hold the type of a weight.
    """
    variables = {entry.path: entry for entry in named_variables(model).values()}
    stored = stored_names(variables, type(model).__name__, model.config.model_type) if ending == "h5" else {}
    entries = {path: _entry(variable, stored.get(path)) for path, variable in variables.items()}
    paths = {entry.key: path for path, entry in entries.items()}
    files = shards(list(entries.values()), limit) or [[]]
    names = file_names(len(files), ending)
    groups = empty_groups(type(model).__name__, model.config) if ending == "h5" else ()
    for name, part in zip(names, files, strict=True):
        with _WRITERS[ending](folder / name, part, flat=len(files) > 1, empty_groups=groups) as writer:
            for entry in part:
                path = paths[entry.key]
                writer.add(entry, _array(variables[path], stored.get(path)).reshape(entry.shape))
    if len(files) > 1:
        write_index(folder, dict(zip(names, files, strict=True)), ending)


def weight_files(folder: Path) -> set[str]:
    """The names of the files in a folder that `write_weights` may have written."""
    return {path.name for path in folder.iterdir() if _WRITTEN.fullmatch(path.name)}


def _entry(variable: NamedVariable, stored: Stored | None) -> Entry:
    shape, dtype = tuple(variable.variable.shape), str(variable.variable.dtype)
    if stored is None:
        return Entry(variable.path, variable.path, (), shape, dtype)
    if numpy_dtype(dtype).kind == "V":
        raise WrongValue(f"{variable.path} is {dtype}, which HDF5 cannot hold: safe_serialization=True keeps it.")
    return stored.entry(shape, variable.torch_shape, dtype)


def _array(variable: NamedVariable, stored: Stored | None) -> Array:
    array = np.asarray(variable.variable)
    axes = variable.layout.to_torch_permutation if stored is not None and stored.as_torch else ()
    return contiguous(array.transpose(axes) if axes else array)
