"""Whether what was downloaded is what the Hub holds: huggingface_hub itself does not look."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from porter.runtime.stored.transfers import HubError

PIECE = 1 << 20


def check_downloaded(folder: Path, names: Iterable[str]) -> None:
    """Compare files with the hashes under which the Hub lists them: SHA-256 of large files, git's of small ones.

    Raises:
        HubError: naming a file that is another.
    """
    for name in names:
        told = _told(folder, name)
        if told is not None and _digest(folder / name, told) != told:
            hint = f"remove {(folder / name).resolve()} and run the command again"
            raise HubError(f"{name} arrived damaged: it is not the file that the Hub lists.", hint=hint)


def _told(folder: Path, name: str) -> str | None:
    """The hash of a file: the name of the blob that the cache links to, else what a local folder's records say."""
    file = folder / name
    record = folder / ".cache" / "huggingface" / "download" / f"{name}.metadata"
    if file.is_symlink():
        told = file.readlink().name
    elif record.is_file():
        told = [*record.read_text(encoding="utf-8", errors="replace").splitlines(), "", ""][1]
    else:
        return None
    return told if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", told) else None


def _digest(file: Path, told: str) -> str:
    """SHA-256 or git's SHA-1 of a blob, whichever is as long as what was told."""
    digest = hashlib.sha256() if len(told) == 64 else hashlib.sha1(f"blob {file.stat().st_size}\0".encode())
    with file.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
