"""Writing files so that a reader finds the old one or the new one, never half of one."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 beside `path` and move it there; folders above are made as needed."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` beside `path` and move it there; folders above are made as needed.

    What is not a regular file, such as /dev/stdout, is written to as it is: moving a file there would put it in the
    device's place.

    Raises:
        OSError: the system does not take it; a folder, or a pipe that nobody reads, among others.
    """
    if path.exists() and not path.is_file():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "wb") as file:  # never waits for a reader
            file.write(content)
        return
    write_together({path: content})


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write several files beside where they belong, and move them there once all are on the disk.

    Raises:
        OSError: the system does not take one of them, of which nothing is left; nor are the others written if it was
            the disk that is full.
    """
    beside: dict[Path, Path] = {}
    with ExitStack() as folders:
        try:
            for path, content in contents.items():
                folders.enter_context(made_folder(path.parent))
                beside[path] = _written_beside(path, content)
            for path, file in beside.items():
                file.replace(path)
        except BaseException:
            for file in beside.values():
                file.unlink(missing_ok=True)
            raise


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Make a folder for the block, with those above it; what was made and is empty at the end is removed again.

    Raises:
        OSError: it cannot be made.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        with suppress(OSError):  # the first that is not empty keeps those above it
            for path in made:
                path.rmdir()


def _written_beside(path: Path, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o666 & ~_umask())
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not say which file it was
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
