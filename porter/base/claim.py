"""A folder that one run at a time writes into, and that is left as it was where nothing came into it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from porter.base.errors import UsageError
from porter.base.files import made_folder


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """Keep other runs out of the folder for the block.

    It is made as needed, with those above it; what was made and is empty at the end is removed again. Where the file
    system knows no locks, nobody is kept out.

    Raises:
        UsageError: another run has it.
        OSError: it cannot be made.
    """
    with made_folder(folder):
        lock = _locked(folder)
        try:
            yield folder
        finally:
            os.close(lock)


def _locked(folder: Path) -> int:
    """A lock on the folder that ends with this process.

    It is taken anew where another run has removed the folder meanwhile.
    """
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(handle)
                hint = "wait for it, or choose another folder"
                raise UsageError(f"Another run is writing into {folder}.", hint=hint) from error
            except OSError:
                return handle
            if folder.exists() and os.path.samestat(os.fstat(handle), folder.stat()):
                return handle
            os.close(handle)
