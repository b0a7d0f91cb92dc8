"""A folder that appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from porter.errors import UsageError

# What a model folder holds beside its weights and its code: configuration, tokenizer, processor.
COMPANIONS = ("*.json", "*.txt", "*.model", "*.jinja")
LARGEST_COMPANION = 100_000_000


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to write into; it becomes `path` if the block ends well, and vanishes if not.

    Raises:
        UsageError: `path` exists and is not an empty folder, or cannot be made.
    """
    check_free(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield beside
        beside.chmod(0o755)
        try:
            beside.replace(path)
        except OSError as error:
            raise UsageError(f"{path} was written by someone else meanwhile.", hint="choose another folder") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


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
