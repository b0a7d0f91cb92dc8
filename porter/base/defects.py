"""What porter did not foresee: one sentence for the user, and a file with the traceback for whoever mends it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from porter.base.errors import Defect
from porter.base.redact import redacted
from porter.base.state import state_folder
from porter.base.version import __version__

KEPT = 20
PACKAGES = ("torch", "tensorflow", "keras", "transformers", "huggingface_hub", "numpy")
LONGEST_REASON = 200


def defect_of(problem: BaseException) -> Defect:
    """The error for an exception that nothing foresaw; its traceback is written to a file first."""
    reason = redacted((str(problem).strip().splitlines() or [""])[0])[:LONGEST_REASON]
    kind = type(problem).__name__
    log = _written(problem)
    hint = f"report it with {log}, which holds the traceback" if log else "PORTER_DEBUG=1 shows the traceback"
    told = f"{kind}: {reason}" if reason else kind
    return Defect(f"porter met something that it does not foresee: {told.rstrip('.')}.", hint=hint)


def _written(problem: BaseException) -> Path | None:
    """The file with the traceback, in the state folder or else the temporary one; None where none can be written."""
    text = redacted(_text(problem))
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(".txt", time.strftime("porter-%Y%m%d-%H%M%S-"), folder)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        if folder == state_folder() / "defects":
            _forget_old(folder)
        return Path(name)
    return None


def _folders() -> Iterator[Path]:
    yield state_folder() / "defects"
    with suppress(FileNotFoundError):  # a full disk has no temporary folder
        yield Path(tempfile.gettempdir())


def _text(problem: BaseException) -> str:
    versions = [f"porter {__version__}", f"Python {platform.python_version()}", platform.platform()]
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    told = "".join(traceback.format_exception(problem))
    return "\n".join([f"command: {sys.argv!r}", *versions, "", told])


def _forget_old(folder: Path) -> None:
    for file in sorted(folder.glob("porter-*.txt"))[:-KEPT]:
        file.unlink(missing_ok=True)
