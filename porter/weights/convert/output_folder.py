"""A folder that appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from porter.base.errors import UsageError

# What a model folder holds beside its weights and its code: configuration, tokenizer, processor.
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja")
LARGEST_COMPANION = 100_000_000


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to write into; it becomes `path` if the block ends well, and vanishes if not.

    What a killed run left beside `path` is removed first.

    Raises:
        UsageError: `path` exists and is not an empty folder, cannot be written, or another run is writing it.
    """
    check_free(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(path)
        beside = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
    lock = _locked(beside)
    try:
        yield beside
        beside.chmod(0o755)
        _move(beside, path)
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(beside)):
            raise
        raise UsageError(f"{path} cannot be written: {_reason(error)}.", hint="nothing was left there") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _reason(error: OSError) -> str:
    """The system's words; HDF5 hides their number in a long message."""
    number = re.search(r"errno = (\d+)", str(error))
    return os.strerror(int(number[1])) if number else error.strerror or str(error).partition("\n")[0]


def _move(beside: Path, path: Path) -> None:
    try:
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} was written by someone else meanwhile.", hint="choose another folder") from error


def _prefix(path: Path) -> str:
    return f".{path.name}.porter-"


def _locked(folder: Path) -> int | None:
    """A lock on the folder that ends with this process; None if another process has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def remove_stale(path: Path) -> None:
    """Remove the unfinished folders that killed runs left beside `path`.

    Raises:
        UsageError: one of them belongs to a run that is still going on.
    """
    for folder in path.parent.glob(f"{_prefix(path)}*"):
        lock = _locked(folder)
        if lock is None:
            raise UsageError(f"Another run is writing {path}.", hint="wait for it, or choose another folder")
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def check_free(path: Path) -> None:
    """Refuse an output that would overwrite something.

    Raises:
        UsageError: `path` exists and is not an empty folder.
    """
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already.", hint="choose another folder for --output, or remove it")


def copy_companions(source: Path, target: Path) -> list[Path]:
    """Copy configuration, tokenizer and processor files, but no weights, no indexes of weights and no code."""
    copied = []
    for pattern in COMPANIONS:
        for file in sorted(source.glob(pattern)):
            if file.is_file() and ".index." not in file.name and file.stat().st_size <= LARGEST_COMPANION:
                shutil.copyfile(file, target / file.name)
                copied.append(target / file.name)
    return copied
