"""A port as a member of the package of its PyTorch file."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from porter.base.errors import UsageError
from porter.facts import Facts
from porter.port.inside import families
from porter.port.load import BrokenPort
from porter.subject import Subject


def check_family(subject: Subject) -> None:
    """Refuse a subject that has no place in a tree of transformers, or whose place is taken.

    Raises:
        UsageError: it is not a family of transformers, or has TensorFlow classes there.
    """
    package, _, module = subject.module_name.rpartition(".")
    if not package.startswith("transformers.models."):
        raise UsageError(
            f"--target transformers4 writes for a family of transformers, and {subject.file.name} is not of one.",
            hint="--target standalone",
        )
    taken = subject.file.with_name(module.replace("modeling_", "modeling_tf_", 1) + ".py")
    if taken.exists():
        raise UsageError(
            f"transformers has TensorFlow classes of this family: {taken.name}.", hint="--target standalone"
        )


def check_stands_alone(subject: Subject, facts: Facts) -> None:
    """Refuse a file that needs the port of another one.

    Raises:
        UsageError: it uses classes or models of another family.
    """
    for family in families(subject, facts):
        used = family.names[0]
        lines = (at for at, text in enumerate(subject.source.splitlines(), 1) if used in text)
        raise UsageError(
            f"{used} is of another file, {family.module}, whose port --target transformers4 does not use yet. Nothing "
            "was written.",
            place=f"{subject.file.name}:{next(lines, 1)}",
            hint="--target standalone",
        )


def import_into_tree(file: Path) -> ModuleType:
    """Import a file below `src` as a module of the package that its folders name; the rest is the installed one's.

    Raises:
        BrokenPort: something in it fails.
    """
    folders = file.resolve().parent.parts
    package = importlib.import_module(".".join(folders[len(folders) - folders[::-1].index("src") :]))
    folder = str(file.resolve().parent)
    if folder not in package.__path__:
        package.__path__.append(folder)
    try:
        return importlib.import_module(f"{package.__name__}.{file.stem}")
    except Exception as error:  # what a generated file raises while it is imported may be anything
        raise BrokenPort(f"{file} cannot be imported: {type(error).__name__}: {error}.") from error
