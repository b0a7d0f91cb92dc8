"""Cases in forked processes: the frameworks are imported once, a crash or a hang costs one case."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

Row = dict[str, object]
Case = dict[str, object]
Work = Callable[[Case, Sequence[str]], Iterator[Row]]
"""What is done with a case, in a process of its own: a row for each of its classes."""
WALL_PER_LIMIT = 4  # a case that waits for a busy machine is not slow; one that sleeps for ever is
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Task:
    """A corpus case and those of its classes that have no row yet."""

    case: Case
    classes: tuple[str, ...]


@dataclass
class _Running:
    task: Task
    process: BaseProcess
    rows: Connection
    deadline: float
    reported: set[str]
    closed: bool = False
    too_late: bool = False


def proofs(target: str = "standalone") -> Work:
    """The whole chain for ports of this target, imported in the child."""

    def proven(case: Case, classes: Sequence[str]) -> Iterator[Row]:
        from cases import run_case

        yield from run_case(case, classes, target)

    return proven


def run_tasks(tasks: Sequence[Task], processes: int, limit: int, work: Work) -> Iterator[Row]:
    """Yield one row per class of every task, as they come.

    Args:
        tasks: worked through in this order.
        processes: how many cases are worked on at a time.
        limit: processor seconds for one case; every class that is not reported by then has failed.
        work: makes the rows of a case.
    """
    _import_frameworks()
    waiting = list(reversed(tasks))
    running: list[_Running] = []
    while waiting or running:
        while waiting and len(running) < processes:
            running.append(_start(waiting.pop(), limit, work))
        wait([one.rows for one in running], timeout=POLL_SECONDS)
        for one in running:
            yield from _received(one)
            if time.monotonic() > one.deadline and not one.closed:
                one.too_late = True
                one.process.kill()
        for one in [one for one in running if one.closed]:
            running.remove(one)
            yield from _unreported(one)


def _import_frameworks() -> None:
    """No framework may have computed anything before a fork: its threads would be missing in the child."""
    from porter.base.quiet import quiet_frameworks

    quiet_frameworks()
    import cases  # noqa: F401  # with porter, and thereby all that the cases need
    import keras  # noqa: F401
    import tensorflow  # noqa: F401
    import torch  # noqa: F401
    import transformers.modeling_utils  # noqa: F401


def _start(task: Task, limit: int, work: Work) -> _Running:
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(task, sender, limit, work), daemon=True)
    process.start()
    sender.close()
    return _Running(task, process, receiver, time.monotonic() + WALL_PER_LIMIT * limit, set())


def _work(task: Task, sender: Connection, limit: int, work: Work) -> None:
    """In the child: what the frameworks print is dropped, the kernel ends it after `limit` processor seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.stdout.flush()
    for row in work(task.case, task.classes):
        sender.send(row)
    sender.close()
    os._exit(0)  # the frameworks' own clean-up may hang in a forked process


def _received(one: _Running) -> Iterator[Row]:
    while not one.closed and one.rows.poll():
        try:
            row = one.rows.recv()
        except EOFError:
            one.closed = True
            return
        one.reported.add(row["class"])
        yield row


def _unreported(one: _Running) -> Iterator[Row]:
    """Rows of failure for the classes that the process did not get to."""
    one.process.join()
    one.rows.close()
    for name in one.task.classes:
        if name not in one.reported:
            case = one.task.case
            yield {"family": case["family"], "case": case["id"], "class": name, "matches": False,
                   "ok": False, "reason": _ending(one), "seconds": {}}  # fmt: skip


def _ending(one: _Running) -> str:
    """Why a process ended before its time."""
    code = one.process.exitcode or 0
    if one.too_late or code == -signal.SIGXCPU:
        return "time limit"
    if code < 0:
        return f"crashed: {signal.Signals(-code).name}"
    return f"crashed: exit code {code}"
