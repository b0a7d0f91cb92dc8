"""What can be said of options before any work is done: files and folders that they name, and choices."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from porter.base.errors import UsageError
from porter.base.suggest import meant


def check_output_folder(folder: Path | None) -> None:
    """Refuse a file where a folder is to be written to.

    Raises:
        UsageError: it, or one of the folders above it, is a file, or nothing may be written there.
    """
    if folder is None:
        return
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        sentence = "The output has to be a folder, and this is a file."
        raise UsageError(sentence, place=str(there), hint="--output FOLDER")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError("Nothing may be written in this folder.", place=str(there), hint="--output FOLDER")


def check_output_file(option: str, file: Path | None) -> None:
    """Refuse a place where no file can be written; a pipe or a device may be named.

    Args:
        option: that names it, for the hint.
        file: the file; None where none is wanted.

    Raises:
        UsageError: it is a folder, a file lies where a folder above it would be, or nothing may be written there.
    """
    if file is None:
        return
    if file.is_dir():
        raise UsageError("The output has to be a file, and this is a folder.", place=str(file), hint=f"{option} FILE")
    check_above(file, f"{option} FILE")


def check_above(path: Path, hint: str) -> None:
    """Refuse a new file or folder that cannot be made where it is wanted.

    Raises:
        UsageError: a file lies where a folder above it would be, or nothing may be written there.
    """
    above = next(place for place in path.absolute().parents if place.exists())
    if not above.is_dir():
        raise UsageError("This is a file, so that nothing can lie below it.", place=str(above), hint=hint)
    if not os.access(above, os.W_OK):
        raise UsageError("Nothing may be written in this folder.", place=str(above), hint=hint)


def check_input_file(option: str, file: Path | None) -> None:
    """Refuse a file that is to be read and is not there.

    Args:
        option: that names it, for the hint.
        file: the file; None where none is named.

    Raises:
        UsageError: there is no such file, it is a folder, a pipe or a device, or it may not be read.
    """
    if file is None:
        return
    if not file.exists():
        raise UsageError(f"There is no file {file}.", hint=f"{option} FILE")
    if not file.is_file():
        kind = "a folder" if file.is_dir() else "a pipe or a device"
        raise UsageError(f"This has to be a file, and it is {kind}.", place=str(file), hint=f"{option} FILE")
    if not os.access(file, os.R_OK):
        raise UsageError("This file may not be read.", place=str(file))


def check_tf(tf_option: str | None) -> None:
    """Refuse a TensorFlow side that is not there or is not Python.

    Raises:
        UsageError: it is neither FILE.py nor FILE.py:CLASS.
    """
    if tf_option is not None:
        tf_file(tf_option)


def tf_file(tf_option: str) -> tuple[Path, str | None]:
    """The file that `FILE` or `FILE:CLASS` names, and the class.

    Raises:
        UsageError: the file is not there, or is not Python.
    """
    return _file_and_class(tf_option, "TensorFlow", "--tf", "modeling_tf_NAME.py")


def torch_file(torch_option: str) -> tuple[Path, str | None]:
    """The same of a PyTorch file.

    Raises:
        UsageError: the file is not there, or is not Python.
    """
    return _file_and_class(torch_option, "PyTorch", "--torch", "NAME.py")


def _file_and_class(given: str, framework: str, option: str, example: str) -> tuple[Path, str | None]:
    file, class_name = Path(given), None
    if not file.exists() and ":" in file.name:
        name, _, class_name = file.name.rpartition(":")
        file = file.parent / name
    if not file.is_file():
        raise UsageError(f"There is no {framework} file {file}.", hint=f"{option} FILE or {option} FILE:CLASS")
    if file.suffix != ".py":
        raise UsageError("This is not a Python file.", hint=f"{option} {example}", place=str(file))
    return file, class_name


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        UsageError: naming the closest choice, or all of them.
    """
    if value not in choices:
        near = meant(value, choices)
        hint = f"did you mean {option} {near}?" if near else f"{option} {' | '.join(choices)}"
        raise UsageError(f"There is no {option.lstrip('-')} {value}.", hint=hint)


def check_class(name: str, known: Collection[str], what: str = "model class") -> None:
    """Refuse the name of a class that is not there.

    Raises:
        UsageError: naming the closest class, and all of them.
    """
    if name not in known:
        near = meant(name, known)
        every = f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
        raise UsageError(f"There is no {what} {name!r}.", hint=f"did you mean {near}? {every}" if near else every)


def check_one_named(given: Sequence[str | Path | None], example: str) -> None:
    """Refuse a command that names no model, or several in different ways.

    Raises:
        UsageError: showing how one is named.
    """
    count = sum(bool(each) for each in given)
    if count != 1:
        sentence = "No model is named." if count == 0 else "The model is named in more than one way."
        raise UsageError(sentence, hint=example)
