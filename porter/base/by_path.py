"""Imports a file or a folder by its path, whether or not Python finds it by itself."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


def import_path(name: str, path: Path) -> ModuleType:
    """Run a Python file as the module `name`, anew at each call. It stays in `sys.modules` if it runs to its end.

    Raises:
        ImportError: the file is not there, or its name does not end in .py.
        Exception: whatever the file itself raises.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or not path.is_file():
        raise ImportError(f"{path} is not a Python file.")
    return _run(spec)


def import_folder(name: str, folder: Path, run: bool = True) -> ModuleType:
    """Make a folder importable as the package `name` without installing it; its `__init__.py`, if any, is run.

    Without `run` the package is there, and its files can be imported, but nothing that it defines itself.

    Raises:
        Exception: whatever the `__init__.py` raises.
    """
    start = folder / "__init__.py"
    spec = ModuleSpec(name, None, is_package=True)
    if run and start.exists():
        spec = importlib.util.spec_from_file_location(name, start) or spec
    spec.submodule_search_locations = [str(folder)]
    return _run(spec)


def import_of_package(path: Path) -> ModuleType:
    """Run a Python file as the module of the package that it lies in, so that its relative imports work.

    The package is its folder and those above that hold an `__init__.py`. Of a package that is installed the rest is
    taken from there; every other one is imported from where the file lies.

    Raises:
        Exception: whatever the file or an `__init__.py` raises.
    """
    folders = [path.resolve().parent]
    while (folders[-1].parent / "__init__.py").exists():
        folders.append(folders[-1].parent)
    name = ""
    for folder in reversed(folders):
        name = f"{name}.{folder.name}" if name else folder.name
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            import_folder(name, folder)
        importlib.import_module(name)
    return import_path(f"{name}.{path.stem}", path)


def _run(spec: ModuleSpec) -> ModuleType:
    module = importlib.util.module_from_spec(spec)
    former = sys.modules.get(spec.name)
    sys.modules[spec.name] = module
    try:
        if spec.loader is not None:
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        if former is not None:
            sys.modules[spec.name] = former
        raise
    return module
