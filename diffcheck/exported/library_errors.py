"""What an exception of the library that reads or runs an exported file says, in one line."""

from __future__ import annotations

from collections.abc import Iterable


def first_line(error: BaseException) -> str:
    """The first line that says something; the exception's kind where none does."""
    return _said(str(error).splitlines(), error)


def last_line(error: BaseException) -> str:
    """The last line that says something, where those before it lead to it; else the exception's kind."""
    return _said(reversed(str(error).splitlines()), error)


def _said(lines: Iterable[str], error: BaseException) -> str:
    return next((line.strip() for line in lines if line.strip()), type(error).__name__)
