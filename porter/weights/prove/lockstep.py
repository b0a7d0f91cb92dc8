"""Many runs through one large model, side by side: each stops before each block until all others have come that far.

So the weights of a block are read once for all runs, and those of the next one can take their place.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_turn(function: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """`function` of every item, one after the other."""
    return [function(item) for item in items]


class Abandoned(BaseException):
    """Ends a run that nobody waits for any more; a run that raises it itself has the answer None."""


@dataclass
class _Run(Generic[Answer]):
    """One run in a thread of its own, which works only between `go` and `done`."""

    task: Callable[[], Answer]
    place: int = -1
    finished: bool = False
    abandoned: bool = False
    answer: list[Answer] = field(default_factory=list)
    error: BaseException | None = None
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def work(self) -> None:
        self.go.acquire()
        _current.set(self)
        try:
            if not self.abandoned:
                self.answer.append(self.task())
        except Abandoned:
            self.abandoned = True
        except BaseException as error:  # noqa: BLE001 - it is raised again where the runs were started
            self.error = error
        finally:
            self.finished = True
            self.done.release()

    def resume(self) -> None:
        self.go.release()
        self.done.acquire()

    def wait(self, place: int) -> None:
        self.place = place
        self.done.release()
        self.go.acquire()
        if self.abandoned:
            raise Abandoned


_current: ContextVar[_Run[Any] | None] = ContextVar("porter_lockstep_run", default=None)


def reach(place: int) -> None:
    """To be called by a run before a place in the model: returns when no other run is before an earlier place.

    Outside of `in_lockstep` nothing waits.
    """
    run = _current.get()
    if run is not None:
        run.wait(place)


def in_lockstep(function: Callable[[Item], Answer], items: Iterable[Item]) -> list[Answer]:
    """`function` of every item. They run in turns: always the one that is before the earliest place.

    Runs before the same place go on in the order of the items. One thread at a time computes.

    Raises:
        BaseException: what the first function to fail raised; the others are ended.
    """
    runs = [_Run(lambda item=item: function(item)) for item in items]  # type: ignore[misc]
    threads = [threading.Thread(target=copy_context().run, args=(run.work,), daemon=True) for run in runs]
    for thread in threads:
        thread.start()
    try:
        _take_turns(runs)
    finally:
        for run in runs:
            if not run.finished:
                run.abandoned = True
                run.resume()
        for thread in threads:
            thread.join()
    return [run.answer[0] if run.answer else None for run in runs]  # type: ignore[misc]


def _take_turns(runs: Sequence[_Run[Any]]) -> None:
    while waiting := [run for run in runs if not run.finished]:
        first = min(run.place for run in waiting)
        for run in waiting:
            if run.place == first:
                run.resume()
                if run.error is not None:
                    raise run.error
