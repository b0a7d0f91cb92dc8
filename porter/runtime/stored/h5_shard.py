"""The writer of `tf_model.h5`, one file or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from porter.runtime.stored.h5_file import H5Writer
from porter.runtime.stored.tensor_source import Array
from porter.runtime.stored.writers import Entry, Writer


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
