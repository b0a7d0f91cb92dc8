"""The files beside a modeling file: modules of the user's own package that it imports, which are ported with it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

from porter.base.errors import UsageError
from porter.subject.case import Subject
from porter.subject.modeling_text import modeling_text

LIBRARY = "transformers"
KNOWN = frozenset({LIBRARY, "torch", "einops"})  # libraries whose names porter has rules for
INSTALLED = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Definition:
    """A name that a file imports and reads: the module that defines it, and what it is called there.

    name is empty where the module itself is imported.
    """

    module: str
    name: str


def siblings(subject: Subject) -> tuple[Subject, ...]:
    """The files of the user's package that the subject's file needs, each behind those that it needs itself.

    They have no cases of their own: the subject's models run them. A file of an installed library has none.
    """
    found: dict[str, Subject] = {}
    _collect(subject, subject, found, {subject.module_name})
    return tuple(found.values())


def _collect(subject: Subject, top: Subject, found: dict[str, Subject], begun: set[str]) -> None:
    for module in dict.fromkeys(definition.module for definition in definitions_read(subject)):
        if module not in begun and _is_beside(module, top):
            begun.add(module)
            sibling = _sibling(module, top)
            _collect(sibling, top, found, begun)
            found[module] = sibling


def definitions_read(subject: Subject) -> list[Definition]:
    """The classes, functions, constants and modules that a file imports and reads, with where they are defined.

    Raises UsageError where the file is not valid Python, or fails while it is imported.
    """
    try:
        tree = ast.parse(subject.source)
        module = importlib.import_module(subject.module_name)
    except SyntaxError as error:
        place = f"{subject.file}:{error.lineno}"
        raise UsageError(f"The file is not valid Python: {error.msg}.", place=place) from error
    except Exception as error:
        raise UsageError(f"The file cannot be imported: {error}.", place=str(subject.file)) from error
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    found = (
        _definition(module, bound, origin, name)
        for bound, origin, name in _imported(tree, module)
        if bound in read and hasattr(module, bound)
    )
    return list(dict.fromkeys(found))


def _definition(module: ModuleType, bound: str, origin: str, name: str) -> Definition:
    """Where a name that the file imports is defined; `origin` is the module that it names."""
    value = getattr(module, bound)
    if inspect.ismodule(value):
        return Definition(value.__name__, "")
    home = getattr(value, "__module__", None)
    if (inspect.isclass(value) or inspect.isfunction(value)) and isinstance(home, str) and home in sys.modules:
        return Definition(home, value.__name__)
    return Definition(origin, name)


def _imported(tree: ast.Module, module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """Each imported name, the module that the import names, and the name there."""
    package = module.__package__ or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name.partition(".")[0], alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(package, node)
            names = [(alias.asname or alias.name, alias.name) for alias in node.names]
            if [name for _, name in names] == ["*"]:
                names = [(name, name) for name in vars(sys.modules.get(origin, module))]
            yield from ((bound, origin, name) for bound, name in names)


def _absolute(package: str, node: ast.ImportFrom) -> str:
    return resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""


def _is_beside(module: str, subject: Subject) -> bool:
    """Whether a module is a file of the subject's package, or one of a library that PyTorch's layers come from.

    Configurations are copied as they are.
    """
    file = getattr(sys.modules.get(module), "__file__", None)
    if file is None or module.rpartition(".")[2].startswith("configuration_") or _is_installed(subject.file):
        return False
    folder = _root(subject)
    path = Path(file).resolve()
    if _is_installed(path) and module.partition(".")[0] not in KNOWN:
        return _imports_torch(path)
    return path.suffix == ".py" and path.is_relative_to(folder) and not _is_installed(path.relative_to(folder))


def _imports_torch(path: Path) -> bool:
    """Whether a file of a library is written in PyTorch, so that nothing of it works without."""
    text = path.read_text(encoding="utf-8") if path.suffix == ".py" else ""
    return re.search(r"^(import|from) torch\b", text, re.MULTILINE) is not None


def _is_installed(path: Path) -> bool:
    return any(part in INSTALLED for part in path.parts)


def _root(subject: Subject) -> Path:
    """The folder of the outermost package that is the user's."""
    packages = subject.module_name.split(".")[:-1]
    above = len(packages) - 1 if packages and packages[0] != LIBRARY else 0
    return subject.file.resolve().parents[max(above, 0)]


def _sibling(module: str, top: Subject) -> Subject:
    file = Path(str(sys.modules[module].__file__)).resolve()
    if not file.is_relative_to(_root(top)) or _is_installed(file.relative_to(_root(top))):
        return Subject(module.replace(".", "_"), file, modeling_text(file), module, (), {})
    inside = file.relative_to(_root(top)).with_suffix("")
    parts = [part for part in inside.parts if part != "__init__"] or [file.parent.name]
    shared = 0 if parts[0] not in _folders(top) else 1
    name = "_".join(part.removeprefix("modeling_") for part in parts[shared:] or parts)
    return Subject(name, file, modeling_text(file), module, (), {})


def _folders(top: Subject) -> list[str]:
    """The folders between the package and the subject's file: no part of a sibling's name."""
    return list(top.file.resolve().parent.relative_to(_root(top)).parts)
