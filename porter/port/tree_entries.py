"""What a tree of transformers says of TensorFlow classes besides their own file: imports and auto classes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

Entries = Mapping[str, tuple[str, ...]]


def with_import(init: str, module: str) -> str:
    """A family's `__init__` with `from .module import *` among its imports, in their order; once.

    Raises:
        ValueError: it has no such imports.
    """
    line = f"    from .{module} import *"
    lines = init.splitlines(keepends=True)
    places = [at for at, text in enumerate(lines) if text.startswith("    from .") and text.endswith(" import *\n")]
    if not places:
        raise ValueError("has no `from .module import *`")
    if f"{line}\n" in lines:
        return init
    at = next((at for at in places if lines[at] > line), places[-1] + 1)
    return "".join([*lines[:at], f"{line}\n", *lines[at:]])


def with_entries(auto_tf: str, auto_torch: str, classes: Iterable[str]) -> str:
    """`modeling_tf_auto.py` with an entry for each class that PyTorch's has one for, where both have the table.

    Args:
        auto_tf: the text of the file with TensorFlow's tables.
        auto_torch: of that with PyTorch's.
        classes: PyTorch's names of the classes that there are in TensorFlow now.
    """
    known = frozenset(classes)
    tables = {f"TF_{name}": entries for name, entries in _tables(auto_torch)}
    for name in [name for name, _ in _tables(auto_tf)]:
        for key, found in tables.get(name, {}).items():
            ported = tuple(f"TF{each}" for each in found if each in known)
            if ported:
                auto_tf = _with_entry(auto_tf, name, key, ported)
    return auto_tf


def _tables(text: str) -> Iterator[tuple[str, Entries]]:
    for name, node in _table_nodes(text):
        pairs = (ast.literal_eval(element) for element in node.elts)
        yield name, {key: (value,) if isinstance(value, str) else tuple(value) for key, value in pairs}


def _table_nodes(text: str) -> Iterator[tuple[str, ast.List]]:
    """The list of each `X_NAMES = OrderedDict([...])`."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call):
            given = node.value.args[0] if node.value.args else None
            if node.targets[0].id.endswith("_NAMES") and isinstance(given, ast.List):
                yield node.targets[0].id, given


def _with_entry(text: str, table: str, key: str, classes: tuple[str, ...]) -> str:
    node = dict(_table_nodes(text))[table]
    keys = [ast.literal_eval(element)[0] for element in node.elts]
    if key in keys:
        return text
    lines = text.splitlines(keepends=True)
    names = ", ".join(f'"{each}"' for each in classes)
    entry = f'        ("{key}", {names if len(classes) == 1 else f"({names})"}),\n'
    if node.lineno == node.end_lineno:
        return _on_lines(lines, node, entry)
    after = next((element for element, other in zip(node.elts, keys, strict=True) if other > key), None)
    at = (node.end_lineno or 0) - 1 if after is None else after.lineno - 1
    return "".join([*lines[:at], entry, *lines[at:]])


def _on_lines(lines: list[str], node: ast.List, entry: str) -> str:
    """A table that stood on one line, on several, with one entry more."""
    at = node.lineno - 1
    name = lines[at].partition("=")[0]
    entries = sorted([*(f"        {ast.unparse(each)},\n".replace("'", '"') for each in node.elts), entry])
    return "".join([*lines[:at], f"{name}= OrderedDict(\n    [\n", *entries, "    ]\n)\n", *lines[at + 1 :]])
