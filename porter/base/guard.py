"""Whatever a command raises, as one sentence and the exit code that goes with it."""

from __future__ import annotations

import errno
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import typer

from porter.base import console
from porter.base.defects import defect_of
from porter.base.errors import INTERRUPTED, TERMINATED, PorterError, Terminated, UsageError
from porter.base.installed import failed_import

PASSED_ON = (typer.Exit, typer.Abort, typer.BadParameter)
NO_TEMPORARY = "No usable temporary directory"
LOOP = "Symlink loop from"
BROKEN_PIPE = 128 + signal.SIGPIPE
# What the machine is short of; the path need not be known for the sentence to help.
OF_THE_MACHINE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE,
                  errno.ENOMEM}  # fmt: skip


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command with its errors as one sentence on stderr and the exit code that goes with it.

    `PORTER_DEBUG=1` in the environment lets the exception through instead.
    """

    @functools.wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            with terminable() as received:
                command(*arguments, **options)
        except PASSED_ON as ended:
            if received and isinstance(ended, typer.Exit) and ended.exit_code == INTERRUPTED:
                raise typer.Exit(TERMINATED) from None
            raise
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
            raise typer.Exit(BROKEN_PIPE) from None
        except KeyboardInterrupt as stopped:
            console.say("interrupted: nothing half-written was left.")
            raise typer.Exit(TERMINATED if isinstance(stopped, Terminated) else INTERRUPTED) from None
        except BaseException as problem:  # code of a model may end the program, native code may panic
            if os.environ.get("PORTER_DEBUG") == "1":
                raise
            known = as_porter_error(problem)
            console.error(known, bool(options.get("as_json")) and not known.after_result)
            raise typer.Exit(known.exit_code) from None

    return run


def as_porter_error(problem: BaseException) -> PorterError:
    """The sentence for a failure; a Defect, whose traceback lies in a file, where nothing foresaw it."""
    if isinstance(problem, PorterError):
        return problem
    if isinstance(problem, SystemExit):
        return UsageError(
            f"Code of the model ended the program: sys.exit({problem.code!r}).", place=_last_place(problem)
        )
    if isinstance(problem, ImportError):
        return failed_import(problem) or defect_of(problem)
    if isinstance(problem, UnicodeEncodeError):
        odd = ascii(problem.object[problem.start : problem.end])
        return UsageError(f"The input holds {odd}, which is not text that can be written.")
    if isinstance(problem, MemoryError):
        return UsageError("The memory does not suffice.", hint="close other programs, or give a smaller --max-memory")
    if isinstance(problem, RuntimeError) and str(problem).startswith(LOOP):  # pathlib's, before Python 3.13
        return UsageError("Links lead in a circle.", place=str(problem).removeprefix(LOOP).strip(" '."))
    if isinstance(problem, OSError) and problem.strerror is not None:
        if problem.filename is not None:
            return UsageError(f"{problem.strerror}.", place=str(problem.filename))
        if problem.errno in OF_THE_MACHINE:
            return UsageError(f"{problem.strerror}.")
        if problem.strerror.startswith(NO_TEMPORARY):
            return UsageError(f"{problem.strerror}.", hint="free some space, or TMPDIR=FOLDER porter ...")
    return defect_of(problem)


def _last_place(problem: BaseException) -> str:
    """The file and line that raised it."""
    frames = traceback.extract_tb(problem.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


@contextmanager
def terminable() -> Iterator[list[int]]:
    """SIGTERM and SIGHUP end the block as Ctrl-C does, so that all is put in order; received signals are listed.

    Only the main thread can be told; elsewhere, and for a signal that is ignored (`nohup`), nothing changes.
    """
    received: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        received.append(number)
        raise Terminated

    before: dict[signal.Signals, Any] = {}
    try:
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, stop)
    except ValueError:  # not the main thread
        before.clear()
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
