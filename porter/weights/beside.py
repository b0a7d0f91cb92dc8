"""Work that goes on beside the rest: files are written and read while models are loaded and compared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from porter.runtime.tensor_source import Array, Checkpoint

Answer = TypeVar("Answer")


class Stopped(Exception):
    """Ends work whose result nobody waits for any more."""


@dataclass
class Stoppable(Checkpoint):
    """A checkpoint that is read until `stopped` is set; closing it leaves the one that it reads from open."""

    checkpoint: Checkpoint
    stopped: threading.Event

    def __post_init__(self) -> None:
        self.tensors = self.checkpoint.tensors

    def read(self, name: str) -> Array:
        """The tensor.

        Raises:
            Stopped: nobody waits for it.
        """
        if self.stopped.is_set():
            raise Stopped
        return self.checkpoint.read(name)

    def close(self) -> None:
        """Nothing: whoever opened the checkpoint closes it."""


@contextmanager
def beside(work: Callable[[Checkpoint], Answer], checkpoint: Checkpoint) -> Iterator[Future[Answer]]:
    """`work` with the checkpoint, in a thread of its own, while the block runs.

    When an exception leaves the block, the work ends at the next tensor that it reads.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(1, "porter-beside") as pool:
        future = pool.submit(work, Stoppable(checkpoint, stopped))
        try:
            yield future
        except BaseException:
            stopped.set()
            raise
