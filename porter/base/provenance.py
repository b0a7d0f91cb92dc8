"""How something was made: the command, the date, and the versions of what computed it."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from porter.base.redact import redacted
from porter.base.version import __version__

PACKAGES = ("torch", "tensorflow", "keras", "transformers", "numpy", "h5py")


def provenance() -> dict[str, str]:
    """The command without secrets, the moment in UTC, and the versions, each in words."""
    words = [Path(sys.argv[0]).name, *sys.argv[1:]]
    return {
        "command": redacted(shlex.join(words)),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
    }


def versions() -> dict[str, str]:
    """Of porter and of the packages that compute, those that are installed."""
    found = {"porter": __version__}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
