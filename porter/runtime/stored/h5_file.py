"""`tf_model.h5` as TensorFlow classes of transformers wrote and read it: written and read one tensor at a time.

A root attribute `layer_names` lists the groups, each group's `weight_names` its datasets, which are called
`<model>/<layer>/.../<variable>:0` with `layer_._0` where PyTorch has `layer.0`. One file of several is flat: its only
attribute `layer_names` lists the datasets, without `<model>`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import h5py

from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, TensorInfo

# HDF5 keeps an attribute in an object header of 64 KiB; Keras goes on in `weight_names0`, `weight_names1` and so on.
NAMES_PER_ATTRIBUTE = 2000


def model_name(class_name: str) -> str:
    """The name that Keras gives a model of this class: `TFGPT2LMHeadModel` -> `tfgpt2lm_head_model`."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def weight_key(name: str) -> str:
    """A weight's name without the model's, which differs from object to object and identifies nothing."""
    is_bare = "model." in name or "/" not in name
    return name if is_bare else name.partition("/")[2]


class H5File(Checkpoint):
    """A `tf_model.h5`, or one file of several; tensors go by their names without the model's.

    Raises:
        CheckpointError: it is not an HDF5 file, lacks the lists of names, or leads to another file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = h5py.File(path, "r")
        except OSError as error:
            raise CheckpointError(f"{path} is not a sound HDF5 file.", hint="download it again") from error
        try:
            self._places = dict(self._find())
            self.tensors = {name: self._info(place) for name, place in self._places.items()}
        except CheckpointError:
            self._file.close()
            raise
        except (OSError, RuntimeError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            self._file.close()
            raise CheckpointError(f"{path} is a damaged HDF5 file.", hint="download it again") from error

    def _find(self) -> Iterator[tuple[str, str]]:
        for layer in self._names(self._file, "layer_names"):
            group = self._inner(layer)
            if isinstance(group, h5py.Dataset):
                yield layer, layer
                continue
            for name in self._names(group, "weight_names"):
                yield weight_key(name), f"{layer}/{name}"

    def _inner(self, place: str) -> Any:
        """What lies at `place`, without following a link to somewhere else."""
        item: Any = self._file
        for part in place.split("/"):
            link = (
                item.get(part, getlink=True) if isinstance(item, h5py.Group) and part not in ("", ".", "..") else None
            )
            if not isinstance(link, h5py.HardLink):
                raise CheckpointError(f"{self.path} has nothing of its own at {place!r}.")
            item = item[part]
        return item

    def _names(self, group: Any, attribute: str) -> list[str]:
        found = [group.attrs[attribute]] if attribute in group.attrs else []
        while f"{attribute}{len(found)}" in group.attrs:
            found.append(group.attrs[f"{attribute}{len(found)}"])
        if not found:
            raise CheckpointError(f"{self.path} has no {attribute} at {group.name!r}, so it holds no Keras weights.")
        return [name.decode() if isinstance(name, bytes) else str(name) for part in found for name in part]

    def _info(self, place: str) -> TensorInfo:
        data = self._inner(place)
        if not isinstance(data, h5py.Dataset) or data.external is not None or data.is_virtual:
            raise CheckpointError(f"{self.path} has no numbers of its own at {place!r}.")
        return TensorInfo(tuple(data.shape), data.dtype.name)

    def read(self, name: str) -> Array:
        """The tensor `name`, read into memory.

        Raises:
            CheckpointError: its numbers cannot be read.
        """
        try:
            array: Array = self._file[self._places[name]][()]
        except (OSError, RuntimeError, ValueError, TypeError) as error:
            raise CheckpointError(f"{self.path} is damaged at {name!r}.", hint="download it again") from error
        return array

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class H5Writer:
    """Writes a `tf_model.h5` tensor by tensor, to be used in a `with` statement.

    Args:
        path: a file that does not exist yet.
        flat: write one file of several, which has no groups.
    """

    def __init__(self, path: Path, *, flat: bool = False) -> None:
        self._sink = _Sink(path)
        self._file = h5py.File(self._sink, "w")
        self._flat = flat
        self._groups: dict[str, list[str]] = {}

    def add(self, name: str, groups: Sequence[str], array: Array) -> None:
        """Write the weight `name` (`<model>/<layer>/.../<variable>:0`); nothing of it stays in memory.

        Further groups than the first get a link to the same numbers. A flat file has none.

        Raises:
            OSError: the disk does not take it.
        """
        if self._flat:
            self._groups[weight_key(name)] = []
            self._file.create_dataset(weight_key(name), data=array)
        else:
            places = [f"{group}/{name}" for group in groups]
            self._file.create_dataset(places[0], data=array)
            for place in places[1:]:
                self._file[place] = self._file[places[0]]
            for group in groups:
                self._groups.setdefault(group, []).append(name)
        self._sink.check()

    def add_group(self, name: str) -> None:
        """A group that holds no weights."""
        self._file.create_group(name)
        self._groups.setdefault(name, [])

    def close(self) -> None:
        """Write the lists of names and close the file.

        Raises:
            OSError: the disk does not take all of it.
        """
        root = self._file.attrs
        _write_names(root, "layer_names", list(self._groups))
        if not self._flat:
            root["backend"] = "tensorflow"
            root["keras_version"] = "2.15.0"
            self._file.create_group("top_level_model_weights").attrs["weight_names"] = []
            for layer, names in self._groups.items():
                _write_names(self._file[layer].attrs, "weight_names", names)
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
            return
        with suppress(OSError):  # another error, perhaps of the same disk, is being reported
            self._end()

    def _end(self) -> None:
        self._file.close()
        self._sink.close()
        self._sink.check()


class _Sink(io.RawIOBase):
    """A new file that accepts whatever is written after the disk has refused something, and then says so.

    HDF5 ends a process that cannot write its files to their end, so it is never told.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b", buffering=0)
        self._failure: OSError | None = None

    def check(self) -> None:
        """Raises OSError: what the disk refused first."""
        if self._failure is not None:
            raise self._failure

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        length = len(rest)
        try:
            while rest and self._failure is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._failure = error
        return length

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size) if self._failure is None else size or 0
        except OSError as error:
            self._failure = error
            return size or 0

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer) or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def _write_names(attributes: Any, name: str, names: Sequence[str]) -> None:
    parts = [names[start : start + NAMES_PER_ATTRIBUTE] for start in range(0, len(names), NAMES_PER_ATTRIBUTE)]
    if len(parts) < 2:
        attributes[name] = list(names)
        return
    for number, part in enumerate(parts):
        attributes[f"{name}{number}"] = part
