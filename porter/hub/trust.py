"""The one gate: what lies in a model's folder is data, until the user says `--trust-remote-code` or names the file.

Whatever would import code that came with a model asks here first, and whatever would read a file of a model's folder
asks whether it lies there. A file that porter itself wrote, or copied for the user, is known by its content: its
SHA-256 is kept in the user's state folder, never in the model's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from porter.base import console
from porter.base.errors import UsageError
from porter.base.state import state_folder
from porter.runtime.model.beside import PATTERN
from porter.runtime.stored.checkpoint import inside

CONFIGURATIONS = "configuration_*.py"
FLAG = "--trust-remote-code"
WEIGHTS = ("*.safetensors", "*.bin", "*.h5", "*.keras", "*.pt", "*.pth", "*.ckpt")


class Untrusted(UsageError):
    """Code came with a model, and the user has not said that it may run."""


def check_code(folder: Path, files: Sequence[Path], trusted: bool) -> None:
    """Refuse to import files of a model's folder, unless they are trusted or porter wrote all of them.

    Raises:
        Untrusted: naming the first file that is neither.
    """
    if trusted:
        return
    foreign = next((file for file in files if not is_known(file)), None)
    if foreign is not None:
        hint = f"{FLAG}, after reading it"
        raise Untrusted(f"This model brings its own code, {foreign.name}.", hint=hint, place=str(folder))


def check_port(folder: Path, trusted: bool) -> None:
    """The same for the TensorFlow files of a folder and the configurations beside them, which they import.

    Raises:
        Untrusted: naming the first file that is neither trusted nor porter's own.
    """
    ports = sorted(folder.glob(PATTERN))
    files = [*ports, *sorted(folder.glob(CONFIGURATIONS))] if ports else []
    foreign = [] if trusted else [file for file in files if not is_known(file)]
    if foreign:
        raise Untrusted(
            f"This model brings its own TensorFlow code, {foreign[0].name}.",
            hint=f"{FLAG} runs it, --tf FILE takes another",
            place=str(folder),
        )


def holds_weights(folder: Path) -> bool:
    """Whether a folder is a model's: a folder of code holds no weights."""
    return any(any(folder.glob(pattern)) for pattern in WEIGHTS)


def remember(files: Iterable[Path]) -> None:
    """Keep the hashes of files that porter wrote; where that is impossible it is said, and nothing else happens."""
    for file in files:
        kept = _record(file)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept.touch(mode=0o600)
        except OSError as error:
            console.say(f"{file.name} will not be known as porter's own: {kept.parent}: {error.strerror}.")
            return


def is_known(file: Path) -> bool:
    """Whether porter wrote exactly this text for this user."""
    return file.is_file() and _record(file).is_file()


def _record(file: Path) -> Path:
    return state_folder() / "written" / hashlib.sha256(file.read_bytes()).hexdigest()


def model_named_by(tf_option: str | None) -> str | None:
    """The model whose name the user typed as part of `--tf modeling_tf_NAME.py[:CLASS]`."""
    name = Path(tf_option).name.partition(":")[0] if tf_option else ""
    return name.removeprefix("modeling_tf_").removesuffix(".py") or None


def check_links(folder: Path, patterns: Iterable[str]) -> None:
    """Refuse a folder in which a file that would be read is a link to somewhere else.

    Raises:
        CheckpointError: naming the link.
    """
    for pattern in patterns:
        for file in folder.glob(pattern):
            inside(folder, file.name)
