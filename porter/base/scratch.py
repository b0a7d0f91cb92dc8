"""Folders for unfinished work: removed at the end, and by a later run where the process was killed.

A later run removes only what it can be sure of: the name is one that was drawn here, the folder holds the marker or
nothing at all, is this user's, and no process holds its lock. Each removal is said.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from porter.base import console

MARKER = ".porter-scratch"
TEXT = "porter makes this folder for unfinished work, and removes it.\n"
DRAWN = "[a-z0-9_]{8}"


class InUse(Exception):
    """Another process is at work in a scratch folder of this name."""


@contextmanager
def scratch_folder(parent: Path | None = None, prefix: str = "porter-", alone: bool = False) -> Iterator[Path]:
    """A folder for the block, in `parent` or else where temporary files go.

    What killed processes left there under the same prefix is removed first.

    Args:
        parent: an existing folder.
        prefix: how the folder's name begins.
        alone: refuse to begin while another process has such a folder.

    Raises:
        InUse: another process has one.
        OSError: nothing can be written there.
    """
    parent = parent or Path(tempfile.gettempdir())
    busy = remove_stale(parent, prefix)
    if busy and alone:
        raise InUse(str(busy[0]))
    folder, lock = _begun(parent, prefix)
    try:
        yield folder
    finally:
        _remove(folder)
        os.close(lock)


def remove_stale(parent: Path, prefix: str) -> list[Path]:
    """Remove the scratch folders that killed processes left, and give those that are in use."""
    busy = []
    named = re.compile(re.escape(prefix) + DRAWN)
    for folder in sorted(path for path in parent.iterdir() if named.fullmatch(path.name)):
        if not _is_ours(folder):
            continue
        lock = _locked(folder)
        if lock is None:
            busy.append(folder)
            continue
        _remove(folder)
        os.close(lock)
        console.say(f"removed {folder}, which a run that was killed had left")
    return busy


def _begun(parent: Path, prefix: str) -> tuple[Path, int]:
    """A new folder with its lock and its marker.

    It is made again where another run has taken it, still empty, for what a killed one had left.

    Raises:
        OSError: nothing can be written there; no folder is left.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            lock = _locked(folder)
            if lock is not None:
                (folder / MARKER).write_text(TEXT, encoding="utf-8")
                return folder, lock
        except FileNotFoundError:
            continue
        except OSError:
            _remove(folder)
            raise


def _remove(folder: Path) -> None:
    """Remove a folder, its marker last: a process that is killed meanwhile leaves one that is known for its own."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != MARKER:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _is_ours(folder: Path) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        if not any(folder.iterdir()):  # its run was killed before it could write the marker
            return True
        marker = folder / MARKER
        return marker.is_file() and not marker.is_symlink() and marker.read_text(encoding="utf-8") == TEXT
    except (OSError, UnicodeDecodeError):
        return False


def _locked(folder: Path) -> int | None:
    """A lock on the folder that ends with this process; None if another process has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
