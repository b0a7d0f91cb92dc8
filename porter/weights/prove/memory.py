"""How much memory there is, and weights that stay in it only as long as there is room."""

from __future__ import annotations

import ctypes
import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffcheck.record.sides import WORKING, resident
from porter.base.errors import UsageError

# What weights may take while models are compared, unless the user says otherwise: so much, but no more than a share
# of what is free. More would make nothing faster, since each block is read once.
ENOUGH, SHARE = 300_000_000, 0.5
# What a container may take at most, in both versions of Linux' control groups.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
# Options of glibc's mallopt: what is larger goes back when freed; so much is kept at the end of the heap for the next.
_RETURNED, _KEPT = (-3, 1 << 22), (-1, 1 << 26)
MEMINFO = Path("/proc/meminfo")


@dataclass
class Room:
    """Values that can be made again at any time; the one unused for longest makes room for a new one.

    Attributes:
        limit: bytes of all values together; a value that is larger is there alone.
        used: bytes of those that are there.
        most: the greatest `used` so far.
    """

    limit: int
    used: int = 0
    most: int = 0
    _kept: OrderedDict[Hashable, tuple[Any, int]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable, size: int, make: Callable[[], Any]) -> Any:
        """The value of `key`, made now if it is not there; it takes `size` bytes."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        while self._kept and self.used + size > self.limit:
            self.used -= self._kept.popitem(last=False)[1][1]
        self.used += size
        self.most = max(self.most, self.used)
        value = make()
        self._kept[key] = (value, size)
        return value

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()
        self.used = 0


def weight_limit(max_memory: int | None, largest: int) -> int:
    """Bytes that weights may take: what `max_memory` leaves, or enough to be fast. Frameworks are loaded already.

    Args:
        max_memory: bytes for the whole process; None if the user does not care.
        largest: bytes of the largest tensor, of which there are copies while it is read here and written beside.

    Raises:
        UsageError: nothing is left.
    """
    if max_memory is None:
        return min(ENOUGH, int(SHARE * free_memory()))
    needed = resident() + WORKING + 5 * largest
    if max_memory < needed:
        raise UsageError(
            f"{max_memory / 1e9:.1f} GB are too little: both frameworks and the largest tensor take about "
            f"{needed / 1e9:.1f} GB.",
            hint="--max-memory 4GB",
        )
    return max_memory - needed + largest


def return_freed_memory() -> None:
    """From now on large blocks go back to the system as soon as they are freed, where the C library is glibc.

    Else it keeps those of up to 32 MB, and a model that is read layer by layer leaves holes of that size. What is
    smaller than most weights stays: it is what layers compute with, and needed again at once.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for option, size in (_RETURNED, _KEPT):
            mallopt(option, size)


def free_memory() -> int:
    """Bytes that are free on this machine, but no more than the container around this process may take."""
    limits = [path.read_text(encoding="ascii").strip() for path in map(Path, LIMITS) if path.exists()]
    return min([_available(), *(int(limit) for limit in limits if limit.isdigit())])


def _available() -> int:
    if not MEMINFO.exists():  # no Linux: all there is
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = MEMINFO.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
