"""Which source files a report may show: those that Python runs here, and those that a recording carries."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

LARGEST = 2_000_000


def texts_of(files: Iterable[str], carried: Mapping[str, str]) -> dict[str, str]:
    """The text of each file, empty where it may not be shown or cannot be read.

    A file's name may come out of a recording, which may name any file of this machine: what is read is only what
    Python has imported here.
    """
    imported = {str(getattr(module, "__file__", None)) for module in list(sys.modules.values())}
    wanted = dict.fromkeys(file for file in files if file)
    return {file: carried[file] if file in carried else _text(file) if file in imported else "" for file in wanted}


def _text(file: str) -> str:
    path = Path(file)
    try:
        if path.suffix != ".py" or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        return ""


def class_ends(text: str) -> dict[int, int]:
    """First line of each class (its decorators included) to its last; none where the text is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {
        min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]): node.end_lineno or node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
