"""What users changed in files that porter wrote: recognised, and never overwritten unasked.

porter keeps the text of each file that it writes in a folder `.porter` beside it. A file that still is what lies there
is porter's to replace; any other has a user's work in it, and is left alone, replaced or merged as the user says.
"""

from __future__ import annotations

import difflib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path

from porter.base import files
from porter.base.errors import NotInstalled, UsageError

KEPT = ".porter"
MARKER = b"<<<<<<< "
SIDES = ("changed by hand", "porter before", "porter now")


class Overwrite(Enum):
    """What is done with a file that was changed since porter wrote it."""

    REFUSE = "refuse"
    FORCE = "force"
    MERGE = "merge"


def check(paths: Iterable[Path], how: Overwrite) -> None:
    """Refuse to write over changes by hand, before any work is done.

    Raises:
        UsageError: a file was changed and is not to be replaced, or there is nothing to merge it with.
        NotInstalled: files are to be merged, and git is not there.
    """
    paths = list(paths)
    for path in paths:
        _check_kept(path)
    changed = [path for path in paths if is_changed(path)]
    if not changed or how is Overwrite.FORCE:
        return
    if how is Overwrite.MERGE:
        if shutil.which("git") is None:
            raise NotInstalled("--merge needs git, which is not installed.", hint="--force, or another --output")
        unknown = [path for path in changed if not _kept(path).is_file()]
        if unknown:
            sentence = "There is no record of what porter wrote here, so nothing can be merged with it."
            raise UsageError(sentence, place=str(unknown[0]), hint="--force replaces it, or give another --output")
        return
    said = "; ".join(f"{path.name}: {size_of_change(path)}" for path in changed[1:])
    sentence = f"This file was changed by hand: {size_of_change(changed[0])}. Nothing was written."
    hint = "--merge keeps both, --force replaces it, or give another --output"
    raise UsageError(sentence, place=str(changed[0]), hint=f"{hint} (also {said})" if said else hint)


def is_changed(path: Path) -> bool:
    """Whether a file is there that is not, byte by byte, what porter wrote last."""
    kept = _kept(path)
    return path.exists() and not (kept.is_file() and path.is_file() and path.read_bytes() == kept.read_bytes())


def size_of_change(path: Path) -> str:
    """How many lines were added and removed since porter wrote the file."""
    if not _kept(path).is_file():
        return "porter has no record of having written it"
    before, now = (file.read_text(encoding="utf-8", errors="replace").splitlines() for file in (_kept(path), path))
    lines = list(difflib.unified_diff(before, now, n=0))[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"{_lines(added)} added, {removed} removed since porter wrote it"


def put(contents: Mapping[Path, bytes], how: Overwrite) -> None:
    """Write the files, and keep what was written: all of them, or on a full disk none.

    Raises:
        UsageError: as :func:`check`; then nothing is written.
        NotInstalled: likewise.
        OSError: the system does not take them.
    """
    check(contents, how)
    texts = {path: merged(path, new) if how is Overwrite.MERGE and is_changed(path) else new
             for path, new in contents.items()}  # fmt: skip
    files.write_together({**texts, **{_kept(path): new for path, new in contents.items()}})


def merged(path: Path, new: bytes) -> bytes:
    """The changes by hand and porter's own in one text, as `git merge-file` does; where they meet, both are marked."""
    with tempfile.NamedTemporaryFile(prefix="porter-") as file:
        file.write(new)
        file.flush()
        labels = [part for side in SIDES for part in ("-L", side)]
        call = ["git", "merge-file", "-p", *labels, str(path), str(_kept(path)), file.name]
        done = subprocess.run(call, capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        reason = done.stderr.decode(errors="replace").strip()
        raise UsageError(f"git cannot merge this file: {reason}", place=str(path))
    return done.stdout


def first_conflict(path: Path) -> int:
    """The line where the first conflict of a merge begins, counted from 1; 0 if there is none."""
    lines = path.read_bytes().splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith(MARKER)), 0)


def _kept(path: Path) -> Path:
    return path.parent / KEPT / path.name


def _check_kept(path: Path) -> None:
    """Refuse to keep texts elsewhere than in a folder of their own.

    Raises:
        UsageError: `.porter` leads to another folder, or is a file.
    """
    folder = path.parent / KEPT
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()) or _kept(path).is_symlink():
        sentence = "porter keeps what it wrote in a folder of its own, and this is a file or a link."
        raise UsageError(sentence, place=str(folder), hint="remove it, or give another --output")


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
