"""A PyTorch checkpoint, whatever its files: one or many, safetensors or `.bin`; tensors are read one at a time."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path

from porter.runtime.stored.h5_file import H5File, weight_key
from porter.runtime.stored.safetensors_file import SafetensorsFile
from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError
from porter.runtime.stored.torch_file import TorchFile

# In the order of preference: a repository may hold several.
SINGLE_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")


class ShardedCheckpoint(Checkpoint):
    """Several files and the index that says which tensor lies where.

    Raises:
        CheckpointError: the index names a file outside of its folder, or disagrees with the files.
    """

    def __init__(self, index: Path) -> None:
        name_of = weight_key if index.name.endswith(".h5.index.json") else str
        weight_map = {name_of(name): file for name, file in read_index(index).items()}
        self._close = ExitStack()
        self._owner: dict[str, Checkpoint] = {}
        self.tensors = {}
        with ExitStack() as opened:
            for file in sorted(set(weight_map.values())):
                shard = opened.enter_context(open_file(inside(index.parent, file)))
                self._take(shard, {name for name, owner in weight_map.items() if owner == file}, index, file)
            self._close = opened.pop_all()

    def _take(self, shard: Checkpoint, expected: set[str], index: Path, file: str) -> None:
        differing = sorted(expected.symmetric_difference(shard.tensors))
        if differing:
            where = "the index, not the file" if differing[0] in expected else "the file, not the index"
            raise CheckpointError(f"{index.name} and {file} disagree: {differing[0]!r} stands in {where}.")
        self._owner |= dict.fromkeys(expected, shard)
        self.tensors = {**self.tensors, **shard.tensors}

    def read(self, name: str) -> Array:
        """The tensor `name`, from whichever file holds it."""
        return self._owner[name].read(name)

    def close(self) -> None:
        """Close all files."""
        self._close.close()


def open_checkpoint(path: Path) -> Checkpoint:
    """Open the PyTorch weights in the folder `path`, or the single file `path`.

    Raises:
        CheckpointError: there are none, or they are damaged.
    """
    if path.is_file():
        return ShardedCheckpoint(path) if path.name.endswith(".index.json") else open_file(path)
    for single, index in zip(SINGLE_FILES, INDEX_FILES, strict=True):
        if (path / single).exists():
            return open_file(inside(path, single))
        if (path / index).exists():
            return ShardedCheckpoint(inside(path, index))
    hint = f"it must hold one of {', '.join(SINGLE_FILES + INDEX_FILES)}"
    raise CheckpointError(f"{path} holds no PyTorch weights.", hint=hint)


def open_file(path: Path) -> Checkpoint:
    """One file by its ending: `.safetensors`, `.h5`, else torch's format.

    Raises:
        CheckpointError: it is damaged, or is a pipe or a device, which might be read for ever.
    """
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{path} is not a file.")
    if path.suffix == ".h5":
        return H5File(path)
    return SafetensorsFile(path) if path.suffix == ".safetensors" else TorchFile(path)


def read_index(index: Path) -> dict[str, str]:
    """The `weight_map` of an index: tensor name -> file name.

    Raises:
        CheckpointError: it is not a JSON table of names.
    """
    try:
        table = json.loads(index.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{index} is not a JSON file.", hint="download it again") from error
    weight_map = table.get("weight_map") if isinstance(table, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{index} has no weight_map.")
    if not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{index} maps a tensor to something that is not a file name.")
    return weight_map


def inside(folder: Path, name: str) -> Path:
    """The file `name` of `folder`, after making sure that neither the name nor a link leads out of it.

    The Hub's cache links its snapshots to the blobs beside them; those links are followed.

    Raises:
        CheckpointError: the name has other parts than a file's, the link leads elsewhere, or it is a pipe or a folder.
    """
    if name != Path(name).name or "\\" in name or "\0" in name or name in ("", ".", ".."):
        raise CheckpointError(f"{folder} names {name!r} as a weight file, which is not a plain file name.")
    target = (folder / name).resolve()
    allowed = [folder.resolve()]
    if folder.resolve().parent.name == "snapshots":
        allowed.append(folder.resolve().parent.parent / "blobs")
    if not any(target.is_relative_to(place) for place in allowed):
        raise CheckpointError(f"{folder / name} is a link that leads out of its folder.", hint="copy the file there")
    if target.exists() and not target.is_file():
        raise CheckpointError(f"{folder / name} is not a file.")
    return folder / name
