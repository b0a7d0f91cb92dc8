"""Copies of tensors: each made once, and kept on disk beyond a budget of memory."""

from __future__ import annotations

import tempfile
import weakref
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from diffcheck.record.values import TensorValue, as_tensor, view_of

IN_MEMORY = 1 << 28
"""Bytes of recorded tensors that stay in memory unless it is said otherwise; the rest lies in one file on disk."""
_SMALL = 1 << 12


class SpillFile:
    """A file for numbers without a name, so that it ends with the last tensor that lies in it, or with the process."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile(prefix="diffcheck-", buffering=0)  # noqa: SIM115 - it lives as long as self
        weakref.finalize(self, self.file.close)
        self.size = 0

    def append(self, view: TensorValue) -> Spilled:
        """Write one tensor to the end, without a copy in memory."""
        self.file.seek(self.size)
        np.ascontiguousarray(view.array).tofile(self.file)
        offset, self.size = self.size, self.size + view.array.nbytes
        return Spilled(self, offset, view)


class Spilled(TensorValue):
    """A tensor on disk: each use of ``array`` maps it anew, so that its pages are given back with the array."""

    def __init__(self, file: SpillFile, offset: int, view: TensorValue) -> None:
        object.__setattr__(self, "dtype", view.dtype)
        object.__setattr__(self, "_place", (file, offset, view.array.shape, view.array.dtype))

    @property
    def array(self) -> np.ndarray[Any, Any]:
        """The numbers, read-only."""
        file, offset, shape, dtype = self._place  # type: ignore[attr-defined]
        return np.asarray(np.memmap(file.file, dtype, "r", offset, shape))


@dataclass
class Copies:
    """Copies tensors to numpy. A tensor that many modules see (one's output, the next one's input) is copied once."""

    max_memory: int = IN_MEMORY
    used: int = 0
    file: SpillFile | None = None
    _seen: dict[tuple[int, int], tuple[weakref.ref[object], TensorValue]] = field(default_factory=dict)

    def __call__(self, value: object) -> TensorValue | None:
        """The tensor as numpy, or None if it is none; as :func:`diffcheck.record.values.as_tensor`."""
        # PyTorch counts the writes into a tensor; TensorFlow's cannot be written to.
        key = (id(value), int(getattr(value, "_version", 0)))
        known = self._seen.get(key)
        if known is not None and known[0]() is value:
            return known[1]
        view = view_of(value)
        if view is None:
            return as_tensor(value)
        kept = self._kept(view)
        self._seen[key] = (weakref.ref(value), kept)
        return kept

    def _kept(self, view: TensorValue) -> TensorValue:
        size = view.array.nbytes
        if size < _SMALL or self.used + size <= self.max_memory:
            self.used += size
            return view if view.array.flags.owndata else TensorValue(view.array.copy(), view.dtype)
        self.file = self.file or SpillFile()
        return self.file.append(view)

    @property
    def spilled(self) -> int:
        """Bytes on disk."""
        return self.file.size if self.file else 0
