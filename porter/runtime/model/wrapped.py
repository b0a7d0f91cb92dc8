"""Prefixes that wrappers put before every name of a `state_dict`, such as `module.` of DataParallel."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from porter.runtime.model.names import named_variables
from porter.runtime.stored.tensor_source import Array, Checkpoint

logger = logging.getLogger(__name__)


class Renamed(Checkpoint):
    """An open checkpoint under other names.

    Args:
        inner: the open checkpoint, which is closed with this one.
        names: the new name of each of its tensors.
    """

    def __init__(self, inner: Checkpoint, names: Mapping[str, str]) -> None:
        self._inner = inner
        self._former = {new: old for old, new in names.items()}
        self.tensors = {new: inner.tensors[old] for new, old in self._former.items()}

    def read(self, name: str) -> Array:
        """The tensor under its new name."""
        return self._inner.read(self._former[name])

    def close(self) -> None:
        """Close the checkpoint."""
        self._inner.close()


def without_wrapper(checkpoint: Checkpoint, model: Any) -> Checkpoint:
    """The checkpoint without the prefix that all its names have and the built model's names have not."""
    prefix = wrapper_prefix(checkpoint.tensors, named_variables(model))
    if not prefix:
        return checkpoint
    logger.warning("Every name of the checkpoint begins with %r, which a wrapper has put there: left out.", prefix)
    return Renamed(checkpoint, {name: name.removeprefix(prefix) for name in checkpoint.tensors})


def wrapper_prefix(stored: Collection[str], wanted: Collection[str]) -> str:
    """The first words that all stored names begin with, without which wanted names are left; empty without such."""
    words = next(iter(stored), "").split(".")[:-1]
    for count in range(1, len(words) + 1):
        prefix = "".join(f"{word}." for word in words[:count])
        if not all(name.startswith(prefix) for name in stored) or any(name.startswith(prefix) for name in wanted):
            return ""
        if any(name.removeprefix(prefix) in wanted for name in stored):
            return prefix
    return ""
