"""The only file that prints: results to stdout, talk and progress to stderr."""

import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from porter.base.errors import PorterError
from porter.base.redact import redacted

Item = TypeVar("Item")


def print_whatever_comes() -> None:
    """Let names that the terminal's encoding lacks be printed as escapes, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def result(text: str) -> None:
    """Print a piece of the result on stdout."""
    print(text)


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
    print(redacted(text), file=sys.stderr)


def error(problem: PorterError) -> None:
    """Print an error as a sentence and, where there is one, the hint."""
    say(f"error: {problem}")
    if problem.hint:
        say(f"  hint: {problem.hint}")


def progress(items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Go through `items`; a terminal sees a progress bar, a file or pipe sees nothing."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, description=description, total=total, console=Console(stderr=True), transient=True)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
