"""Both models, loaded when they are needed, and held together only where there is memory for both."""

from __future__ import annotations

import ctypes
import gc
import mmap
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from diffcheck.record import tf_side, torch_side
from diffcheck.record.copies import IN_MEMORY
from diffcheck.record.recording import Crash

TOGETHER = 1 << 29
"""Bytes of weights up to which both models are held at once if no bound is given."""
WORKING = 1 << 28
"""Bytes that running a model is taken to need beside its weights."""


class TooLittleMemory(ValueError):
    """The bound on memory leaves no room for one model."""


class LoadFailed(Exception):
    """A :class:`Loader` could not make its model because of the model's own file; ``crash`` says where."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = replace(crash, loading=True)


@dataclass(frozen=True)
class Loader:
    """A model to be loaded by calling ``load`` when it is needed, perhaps more than once.

    ``load`` raises :class:`LoadFailed` where the model's own file is broken; the report then says so.
    """

    load: Callable[[], Any]


@dataclass
class Sides:
    """The PyTorch and the TensorFlow model of one comparison.

    Models that were given stay; those that a :class:`Loader` loads are let go for each other unless ``together``.
    """

    given_torch: Any
    given_tf: Any
    together: bool = True
    _torch: Any = None
    _tf: Any = None
    _by_path: Mapping[str, Any] = field(default_factory=dict)
    _part: tuple[frozenset[str], Any] = (frozenset(), None)

    def torch(self) -> Any:
        """The whole PyTorch model."""
        if not isinstance(self.given_torch, Loader):
            return self.given_torch
        if self._torch is None:
            self._let_go(tf=not self.together)
            self._part = (frozenset(), None)
            self._torch = self.given_torch.load()
        return self._torch

    def torch_part(self, paths: frozenset[str]) -> Any:
        """The PyTorch model, of whose weights perhaps only those in the modules at ``paths`` are there."""
        if self.together or not isinstance(self.given_torch, Loader):
            return self.torch()
        if self._part[1] is None or not paths <= self._part[0]:
            whole = self.torch()
            torch_side.strip(whole, paths)
            self._torch, self._part = None, (paths, whole)
        return self._part[1]

    def tf(self) -> Any:
        """The whole TensorFlow model."""
        if not isinstance(self.given_tf, Loader):
            return self.given_tf
        if self._tf is None:
            self._let_go(torch=not self.together)
            self._tf = self.given_tf.load()
        return self._tf

    def layers(self) -> Mapping[str, Any]:
        """The TensorFlow model's layers by path."""
        if not self._by_path:
            self._by_path = tf_side.layers(self.tf())
        return self._by_path

    def _let_go(self, torch: bool = False, tf: bool = False) -> None:
        if torch:
            self._torch = None
        if tf:
            self._tf, self._by_path = None, {}
        if torch or tf:
            give_back()


def plan(max_memory: int | None, weights: int) -> tuple[bool, int]:
    """Whether both models may be held together, and how many bytes of recorded tensors may stay in memory.

    Called when one model, of ``weights`` bytes, and both frameworks are loaded.

    Raises:
        TooLittleMemory: even one model at a time needs more.
    """
    if max_memory is None:
        return weights <= TOGETHER, IN_MEMORY
    left = max_memory - resident() - WORKING
    if left < 0:
        raise TooLittleMemory(
            f"{max_memory / 1e9:.1f} GB are too little: both frameworks, and one model at a time, take about "
            f"{(max_memory - left) / 1e9:.1f} GB."
        )
    together = 2 * weights <= left
    return together, min(IN_MEMORY, (left - together * weights) // 2)


def resident() -> int:
    """Bytes of memory that this process has now; on systems that do not tell, the most it had."""
    pages = Path("/proc/self/statm")
    if pages.exists():
        return int(pages.read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE
    return peak()


def peak() -> int:
    """The most memory that this process ever had, in bytes."""
    import resource  # there is none on Windows

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


@contextmanager
def older_objects_left_alone() -> Iterator[None]:
    """Python's collector looks only through what is made meanwhile: all of two frameworks takes it half a second."""
    untouched = gc.get_freeze_count() == 0  # else somebody else has taken objects away, and wants them back
    if untouched:
        gc.freeze()
    try:
        yield
    finally:
        if untouched:
            gc.unfreeze()


def give_back() -> None:
    """Free what is not reachable any more, and hand it back to the system."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
