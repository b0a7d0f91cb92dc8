"""Where a model's classes are written, and the same text read in float64."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from diffcheck.record.recording import Crash

_FRAMEWORKS = ("torch", "keras", "tf_keras", "tensorflow", "builtins", "numpy")
_OWN_FOLDER = str(Path(__file__).parents[1])
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|\{\{function_node [^}]*\}\} ?| ?\[Op:\w+\]")


class WidenedNames:
    """A framework's namespace in which ``float32`` is ``float64``."""

    def __init__(self, namespace: Any) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._namespace, "float64" if name in ("float32", "float") else name)


def modeling_namespaces(classes: Iterable[type]) -> Iterator[ModuleType]:
    """The files in which these classes are written, save those of the frameworks themselves."""
    names = dict.fromkeys(base.__module__ for cls in classes for base in cls.__mro__)
    for name in names:
        if name.split(".")[0] not in _FRAMEWORKS and name in sys.modules:
            yield sys.modules[name]


def source_of(cls: type) -> tuple[str, int]:
    """File and first line of a class; empty for a framework's own class and for one made at run time."""
    if cls.__module__.split(".")[0] in _FRAMEWORKS:
        return "", 0
    try:
        return inspect.getsourcefile(cls) or "", inspect.getsourcelines(cls)[1]
    except (OSError, TypeError):
        return "", 0


def crash_of(error: BaseException, module: str = "", owners: Sequence[object] = ()) -> Crash:
    """Where an exception was raised, and its first sentence.

    The place is the last frame in the code of ``owners`` (a method of one, or a plain function of the first one's
    file), else the last one outside of the frameworks.
    """
    home = source_of(type(owners[0]))[0] if owners else ""
    place, line = "", 0
    own: list[int] = []
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        this = trace.tb_frame.f_locals.get("self", owners[0] if owners else None)
        if file == home and any(this is owner for owner in owners):
            place, line = file, trace.tb_lineno
            own.append(line)
        elif not own and not _is_library(file):
            place, line = file, trace.tb_lineno
        trace = trace.tb_next
    lines = [text.strip() for text in _DECORATION.sub("", str(error)).splitlines() if text.strip()]
    # Keras puts its own line before the message.
    told = [text for text in lines if not text.startswith("Exception encountered when calling")]
    if isinstance(error, SyntaxError) and error.filename:
        place, line = error.filename, error.lineno or 0
    name = f"{type(error).__name__}: {told[0]}" if told else type(error).__name__
    stopped = isinstance(error, KeyboardInterrupt)
    return Crash(name, place, line, module, tuple(own[-2::-1]), interrupted=stopped)


def _is_library(file: str) -> bool:
    return file.startswith(_OWN_FOLDER) or any(f"site-packages/{name}/" in file for name in _FRAMEWORKS)


def sources_of(classes: Iterable[type]) -> dict[type, tuple[str, int]]:
    """File and first line of each class, as :func:`source_of`; each file is read and parsed once."""
    lines: dict[str, dict[str, int]] = {}
    found: dict[type, tuple[str, int]] = {}
    for cls in dict.fromkeys(classes):
        file = getattr(sys.modules.get(cls.__module__), "__file__", None)
        known = cls.__module__.split(".")[0] in _FRAMEWORKS or file is None
        if not known and file not in lines:
            lines[str(file)] = _class_lines(Path(str(file)))
        line = None if known else lines[str(file)].get(cls.__qualname__)
        found[cls] = (str(file), line) if line is not None else source_of(cls)
    return found


def _class_lines(file: Path) -> dict[str, int]:
    """The first line of each top-level class, its decorators included; none for a file that is not Python."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return {}
    return {
        node.name: min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
