"""Reading small files that others wrote: what is wrong with one is said in a sentence, before it costs anything."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from porter.base.errors import UsageError

LARGEST = 100_000_000


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The text of a file.

    Raises:
        UsageError: there is none, it is a folder, pipe or device, is larger than `largest` bytes or is not UTF-8.
    """
    check_regular(path)
    try:
        if path.stat().st_size > largest:
            raise UsageError(f"The file is larger than {largest / 1e6:.0f} MB.", place=str(path))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The file cannot be read: {error.strerror}.", place=str(path)) from error
    except UnicodeDecodeError as error:
        raise UsageError("The file is not UTF-8 text.", place=str(path)) from error


def read_json(path: Path, hint: str = "") -> object:
    """The value of a JSON file.

    Raises:
        UsageError: as :func:`read_text`, or it is not JSON; `hint` says what is expected.
    """
    text = read_text(path)
    try:
        return json_value(text)
    except ValueError as error:
        raise UsageError(f"This is not a JSON file: {error}.", hint=hint, place=str(path)) from error


def json_value(text: str) -> object:
    """The value that a text in JSON stands for.

    Raises:
        ValueError: it is not JSON, or is nested more deeply than Python reads.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check_regular(path: Path) -> None:
    """Refuse what would be waited for: opening a pipe or a device may never end.

    Raises:
        UsageError: there is no such file, or it is a folder, a pipe, a socket or a device.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or "its name is not a file's"
        raise UsageError(f"The file cannot be read: {reason}.", place=str(path)) from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        raise UsageError(f"This is {kind}, not a file.", place=str(path))
