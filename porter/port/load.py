"""Import a TensorFlow file, and the class in it that fits a checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from porter.base.by_path import import_of_package, import_path
from porter.base.errors import UsageError
from porter.base.reading import read_text

_FROM_BESIDE = re.compile(r"^\s*from \.", re.MULTILINE)


class BrokenPort(UsageError):
    """A TensorFlow file that cannot be imported, or lacks the class; what it raised is the cause."""


@dataclass(frozen=True)
class PortSource:
    """A TensorFlow modeling file and the class in it that fits a checkpoint."""

    file: Path
    class_name: str


def load_class(source: PortSource) -> Any:
    """The TensorFlow class, its file imported by path.

    Raises:
        BrokenPort: the file cannot be imported, or does not have the class.
    """
    module = import_file(source.file)
    found = getattr(module, source.class_name, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type) and name.startswith("TF")]
        own = ", ".join(name for name in classes if vars(module)[name].__module__ == module.__name__) or "no TF class"
        raise BrokenPort(f"{source.file} has no class {source.class_name}; it has {own}.", hint="--tf FILE:CLASS")
    return found


def import_file(path: Path) -> ModuleType:
    """Import a file by path: as its own name, or as a module of its package where it imports from beside it.

    Raises:
        BrokenPort: the file is not Python, or something in it fails.
    """
    try:
        of_package = (path.parent / "__init__.py").exists() and _FROM_BESIDE.search(read_text(path))
        return import_of_package(path) if of_package else import_path(path.stem, path)
    except Exception as error:  # what a user's file raises while it is imported may be anything
        raise BrokenPort(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
