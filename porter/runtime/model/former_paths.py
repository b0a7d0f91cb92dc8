"""Paths under which porter once wrote variables: a `Sequential` named its members, `decoder/decoder.0/kernel`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from porter.runtime.stored.tensor_source import Array, Checkpoint


class Renamed(Checkpoint):
    """A checkpoint under other names.

    Args:
        checkpoint: the opened checkpoint.
        names: from the new name of a tensor to its name in the checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint, names: Mapping[str, str]) -> None:
        self._checkpoint = checkpoint
        self._names = names
        renamed = set(names.values())
        kept = {name: info for name, info in checkpoint.tensors.items() if name not in renamed}
        self.tensors = {**kept, **{new: checkpoint.tensors[former] for new, former in names.items()}}

    def read(self, name: str) -> Array:
        """The tensor that has this name now."""
        return self._checkpoint.read(self._names.get(name, name))

    def close(self) -> None:
        """Close the checkpoint."""
        self._checkpoint.close()


def former_paths(root: Any, paths: Iterable[str]) -> dict[str, str]:
    """`{path: former path}` of those variables of a model, among these paths, that once had another."""
    layers = {path: former for path, former in _paths(root, "", "", "") if path != former}
    owners = {path: path.rpartition("/")[0] for path in paths}
    return {path: layers[owner] + path.removeprefix(owner) for path, owner in owners.items() if owner in layers}


def _paths(layer: Any, path: str, former: str, segment: str) -> Iterator[tuple[str, str]]:
    from porter.runtime.layers.places import named_children  # loads Keras, which a conversion does without

    bears_name = segment and getattr(layer, "members_attribute", None) is not None
    for name, child in named_children(layer):
        once = f"{segment}.{name}" if bears_name else name
        below = f"{path}/{name}" if path else name, f"{former}/{once}" if former else once
        yield below
        yield from _paths(child, *below, once)


def with_current_paths(checkpoint: Checkpoint, model: Any) -> Checkpoint:
    """The checkpoint with the paths that a built model has today."""
    from porter.runtime.model.names import named_variables

    former = former_paths(model, (entry.path for entry in named_variables(model).values()))
    names = {path: once for path, once in former.items() if once in checkpoint.tensors}
    return Renamed(checkpoint, names) if names else checkpoint
