"""Work that goes on beside the rest: files are written and read while models are loaded and compared."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from porter.runtime.stored.tensor_source import Array, Checkpoint

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
        self.go_on()
        return self.checkpoint.read(name)

    def go_on(self) -> None:
        """Nothing, as long as somebody waits for the work.

        Raises:
            Stopped: nobody does.
        """
        if self.stopped.is_set():
            raise Stopped

    def close(self) -> None:
        """Nothing: whoever opened the checkpoint closes it."""


@dataclass(frozen=True)
class Written:
    """A folder that will hold a model's weights when `files` is done."""

    folder: Path
    files: Future[list[Path]]

    def wait(self) -> Path:
        """The folder, when the weights are there."""
        self.files.result()
        return self.folder


@dataclass(frozen=True)
class Worker:
    """Does one piece of work after the other in a thread of its own, each with the checkpoint."""

    pool: ThreadPoolExecutor
    checkpoint: Stoppable

    def begin(self, work: Callable[[Stoppable], Answer]) -> Future[Answer]:
        """The result that there will be."""
        return self.pool.submit(work, self.checkpoint)


@contextmanager
def beside(checkpoint: Checkpoint) -> Iterator[Worker]:
    """A worker for as long as the block runs; all its work is done at the end.

    When an exception leaves the block, the work ends at the next tensor that it reads.
    """
    stopped = threading.Event()
    with ThreadPoolExecutor(1, "porter-beside") as pool:
        try:
            yield Worker(pool, Stoppable(checkpoint, stopped))
        except BaseException:
            stopped.set()
            raise
