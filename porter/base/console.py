"""The only file that prints: results to stdout, talk and progress to stderr."""

import contextvars
import io
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TextIO, TypeVar

from porter.base.errors import PorterError
from porter.base.redact import redacted

Item = TypeVar("Item")
# Words of a verdict and the colour that a terminal shows them in; the first pattern that matches wins.
RED, GREEN, YELLOW, PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
COLOURS = (
    (RED, r"^error:|\bDIFFERS\b|\bFAILED\b|(?<=\s)differs(?=[\s:])|(?<=  )left(?=: )"),
    (GREEN, r"(?<=\s)matches(?=[\s;])|(?<=  )ok$"),
    (YELLOW, r"^ *hint:|^ *cause:|(?<=  )assumed(?=: )|not compared$"),
)
# What those who read stderr through a pipe or in a file get while something takes long, and how often in seconds.
STILL = "still at"
EVERY = 10.0


@dataclass(frozen=True)
class Voice:
    """How much is said beside the result: nothing but errors when `quiet`, details too when `verbose`."""

    quiet: bool = False
    verbose: bool = False


ORDINARY = Voice()
_VOICE: ContextVar[Voice] = ContextVar("voice", default=ORDINARY)
_TELLS: ContextVar[Callable[[str], None] | None] = ContextVar("tells", default=None)


@contextmanager
def speaking(voice: Voice) -> Iterator[None]:
    """Talk with this voice for as long as the block runs."""
    token = _VOICE.set(voice)
    try:
        yield
    finally:
        _VOICE.reset(token)


def print_whatever_comes() -> None:
    """Let names that the terminal's encoding lacks be printed as escapes, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def result(text: str) -> None:
    """Print a piece of the result on stdout."""
    print(coloured(text, sys.stdout))


def result_json(value: object) -> None:
    """Print the result as one JSON document on stdout; NaN and infinity become null."""
    print(json.dumps(_finite(value), indent=2, allow_nan=False))


def result_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print an aligned table on stdout, never cut at the terminal's width."""
    result(aligned(columns, rows))


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The table as text: two blanks between columns, no blanks at line ends."""
    lines = [columns, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def say(text: str) -> None:
    """Tell the user what is going on, on stderr, so that stdout stays the result; secrets are left out."""
    if not _VOICE.get().quiet:
        _to_stderr(text)


def detail(text: str) -> None:
    """Tell those who asked for more."""
    if is_verbose():
        _to_stderr(text)


def is_verbose() -> bool:
    """Whether details are asked for."""
    return _VOICE.get().verbose


def error(problem: PorterError, as_json: bool = False) -> None:
    """Print an error as a sentence and, where there is one, the hint; or on stdout as one JSON document."""
    if as_json:
        told = {"sentence": problem.sentence, "place": problem.place, "hint": problem.hint}
        shown = {name: redacted(text) for name, text in told.items()}
        result_json({"error": {**shown, "exit_code": problem.exit_code}})
        return
    _to_stderr(f"error: {problem}")
    if problem.hint:
        _to_stderr(f"  hint: {problem.hint}")


def coloured(text: str, stream: TextIO) -> str:
    """The text with its verdicts coloured where a terminal shows it and NO_COLOR is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    for colour, words in COLOURS:
        text = re.sub(words, rf"{colour}\g<0>{PLAIN}", text, flags=re.MULTILINE)
    return text


def _to_stderr(text: str) -> None:
    print(coloured(redacted(text), sys.stderr), file=sys.stderr)


@contextmanager
def working(description: str) -> Iterator[None]:
    """Show that work goes on, and for how long; `doing` adds what is done now. One display at a time.

    A terminal sees it move; a pipe or a file gets a line now and then.
    """
    if _VOICE.get().quiet or _TELLS.get() is not None:
        doing(description)
        yield
        return
    with _moving(description) if sys.stderr.isatty() else _lines(description) as tell:
        token = _TELLS.set(tell)
        try:
            yield
        finally:
            _TELLS.reset(token)


@contextmanager
def _moving(description: str) -> Iterator[Callable[[str], None]]:
    """The display of a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as shown:
        task = shown.add_task(description)
        yield lambda text: shown.update(task, description=f"{description}: {text}")


@contextmanager
def _lines(description: str) -> Iterator[Callable[[str], None]]:
    """A line on stderr every `EVERY` seconds."""
    now = {"doing": description}
    ended, started = threading.Event(), time.monotonic()

    def tell_on() -> None:
        while not ended.wait(EVERY):
            say(f"{STILL} {now['doing']}, {time.monotonic() - started:.0f} s")

    thread = threading.Thread(target=contextvars.copy_context().run, args=(tell_on,), daemon=True)
    thread.start()
    try:
        yield lambda text: now.update(doing=f"{description}: {text}")
    finally:
        ended.set()
        thread.join()


def doing(what: str) -> None:
    """Say in the display of :func:`working`, where there is one, what is done now."""
    tell = _TELLS.get()
    if tell is not None:
        tell(what)


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Go through `items`; a terminal sees how far, in the display that is there already or in a bar of its own."""
    tell = _TELLS.get()
    if tell is not None:
        for number, item in enumerate(items, 1):
            yield item
            tell(f"{number} of {total}" if total else str(number))
        return
    if not _shows_progress():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=description, total=total, console=Console(stderr=True), transient=True)


def _shows_progress() -> bool:
    """Whether somebody looks on who wants to see more than the result; one display at a time."""
    return not _VOICE.get().quiet and _TELLS.get() is None and sys.stderr.isatty()


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
