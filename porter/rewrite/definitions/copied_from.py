"""`# Copied from` comments: kept under the port's names where the copy is true, dropped with a Note where not."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path

import libcst as cst

from porter.rewrite.context import Context, tf_name

_COPIED = re.compile(r"# Copied from (?P<path>[\w.]+?)(?: with (?P<changes>.+))?$")


def port_copied_from(
    context: Context, node: cst.ClassDef | cst.FunctionDef, lines: Sequence[cst.EmptyLine]
) -> list[cst.EmptyLine]:
    """The comment lines above a ported definition."""
    ported = []
    for line in lines:
        found = _COPIED.match(line.comment.value) if line.comment else None
        if found is None or not context.copies:
            ported.append(line)
        elif _is_true(context, node, found["path"], found["changes"] or ""):
            ported.append(line.with_changes(comment=cst.Comment(_under_new_names(found))))
        else:
            context.note(node, "assumed", f"`{found[0]}` does not hold and was dropped.")
    return ported


class WithoutCopies(cst.CSTTransformer):
    """Takes away all such comments: in a tree that has ports by hand, what was written here is not a copy of them."""

    def leave_EmptyLine(
        self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine
    ) -> cst.EmptyLine | cst.RemovalSentinel:
        """A line of its own, unless it says so."""
        says_so = original_node.comment is not None and _COPIED.match(original_node.comment.value)
        return cst.RemoveFromParent() if says_so else updated_node


def _under_new_names(found: re.Match[str]) -> str:
    """`modeling_bert.BertLayer.forward` is `modeling_tf_bert.TFBertLayer.call` in TensorFlow."""
    module, names = _split(found["path"])
    names = ["call" if name == "forward" else tf_name(name) if name[:1].isupper() else name for name in names]
    module = re.sub(r"\bmod(eling|ular)_(?!tf_)", "modeling_tf_", module)
    changes = f" with {found['changes']}" if found["changes"] else ""
    return f"# Copied from {'.'.join([module, *names])}{changes}"


def _split(path: str) -> tuple[str, list[str]]:
    """The module (whose last part is the file) and the names below it."""
    parts = path.split(".")
    at = next((i for i, part in enumerate(parts) if part.startswith(("modeling_", "modular_"))), len(parts) - 2)
    return ".".join(parts[: at + 1]), parts[at + 1 :]


def _is_true(context: Context, node: cst.ClassDef | cst.FunctionDef, path: str, changes: str) -> bool:
    """Whether the PyTorch code is what the comment says; equal code is ported equally."""
    module, names = _split(path)
    file = _file_of(context, module)
    if file is None:
        return False
    original = _definition(ast.parse(file.read_text(encoding="utf-8")), names)
    if original is None:
        return False
    text = ast.unparse(_bare(original))
    for change in changes.replace("all-casing", "").split(","):
        old, arrow, new = change.strip().partition("->")
        text = text.replace(old, new) if arrow else text
    own = _at_line(ast.parse(context.source.subject.source), context.source.line(node), node.name.value)
    return own is not None and text == ast.unparse(_bare(own))


def _at_line(tree: ast.AST, line: int, name: str) -> ast.stmt | None:
    """The definition that starts at a line, decorators included."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name != name:
            continue
        if line in (node.lineno, *(decorator.lineno for decorator in node.decorator_list)):
            return node
    return None


def _file_of(context: Context, module: str) -> Path | None:
    if module.rpartition(".")[2] == context.source.subject.file.stem:
        return context.source.subject.file
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _definition(tree: ast.AST, names: Sequence[str]) -> ast.stmt | None:
    for name in names:
        body = getattr(tree, "body", [])
        tree = next((n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == name), ast.Pass())
    return tree if isinstance(tree, ast.ClassDef | ast.FunctionDef) else None


def _bare(node: ast.stmt) -> ast.stmt:
    """The definition without decorators and docstrings, which a copy may change."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.ClassDef | ast.FunctionDef):
            inner.decorator_list = []
            if ast.get_docstring(inner) is not None:
                inner.body = inner.body[1:] or [ast.Pass()]
    return node
