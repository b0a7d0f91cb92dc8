"""A folder that appears whole or not at all."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from porter.base.early_checks import check_above
from porter.base.errors import UsageError
from porter.base.scratch import InUse, scratch_folder
from porter.runtime.stored.checkpoint import inside

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
    path = path.absolute()
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(scratch_folder(path.parent, f".{path.name}.porter-", alone=True))
            beside = scratch / path.name
            beside.mkdir()
        except InUse as error:
            hint = "wait for it, or choose another folder"
            raise UsageError(f"Another run is writing {path}.", hint=hint) from error
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror}.") from error
        try:
            yield beside
            _move(beside, path)
        except OSError as error:
            reason = _reason(error)
            places = [str(name) for name in (error.filename, error.filename2) if name is not None]  # two of a copy
            elsewhere = places and not any(place.startswith(str(beside)) for place in places)
            if elsewhere or reason is None:
                raise
            raise UsageError(f"{path} cannot be written: {reason}.", hint="nothing was left there") from error


def _reason(error: OSError) -> str | None:
    """The system's words; HDF5 hides their number in a long message.

    None for what only calls itself an error of the system, as those of HTTP and of templates do.
    """
    number = re.search(r"errno = (\d+)", str(error))
    return os.strerror(int(number[1])) if number else error.strerror


def _move(beside: Path, path: Path) -> None:
    try:
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path} was written by someone else meanwhile.", hint="choose another folder") from error


def check_free(path: Path) -> None:
    """Refuse an output that would overwrite something.

    Raises:
        UsageError: `path` exists and is not an empty folder, is the current folder or one around it, or cannot be
            made.
    """
    if Path.cwd().is_relative_to(path.resolve()):
        raise UsageError(f"{path} is the current folder or one around it.", hint="name a new folder in it")
    if path.is_dir() and not any(path.iterdir()):
        return
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already.", hint="choose another folder, or remove it")
    check_above(path, "choose another folder")


def companions(source: Path) -> list[Path]:
    """Configuration, tokenizer and processor files, but no weights, no indexes of weights and no code.

    Raises:
        CheckpointError: one of them is a link that leads out of the folder, or a pipe or a device.
    """
    found = (file for pattern in COMPANIONS for file in sorted(source.glob(pattern)) if not file.is_dir())
    inner = (inside(source, file.name) for file in found if ".index." not in file.name)
    return [file for file in inner if file.stat().st_size <= LARGEST_COMPANION]


def copy_companions(source: Path, target: Path) -> list[Path]:
    """Copy the :func:`companions` of a model, and give the copies."""
    return [Path(shutil.copyfile(file, target / file.name)) for file in companions(source)]
