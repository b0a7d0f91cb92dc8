"""Assignments to several targets, written as several where what they are given needs a line of its own.

`self.a, self.b = nn.Parameter(x), nn.Parameter(y)` makes two weights, `score, history = start, []` begins a list, and
`z[:, 0] = z[:, -1] = y` writes into two places.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from porter.subject.edited_text import Edit, edited, of_node


def one_by_one(source: str) -> str:
    """The text with such assignments taken apart, each line where it was; as it is if it is not valid Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    return edited(source, [edit for node in ast.walk(tree) if isinstance(node, ast.Assign) for edit in _edits(node)])


def _edits(node: ast.Assign) -> Iterator[Edit]:
    target = node.targets[0]
    if len(node.targets) == 1 and isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
        pairs = list(zip(target.elts, node.value.elts, strict=False))
        alike = len(target.elts) == len(node.value.elts)
        if alike and any(map(_needs_line, node.value.elts)) and not _reads_set(pairs):
            yield of_node(node, "; ".join(f"{ast.unparse(one)} = {ast.unparse(value)}" for one, value in pairs))
    elif len(node.targets) > 1 and any(isinstance(each, ast.Subscript) for each in node.targets):
        yield of_node(node, "; ".join(_apart(node)))


def _needs_line(value: ast.expr) -> bool:
    """Whether a value is an empty list, or a parameter."""
    if isinstance(value, ast.Call):
        return ast.unparse(value.func).rpartition(".")[2] == "Parameter"
    return isinstance(value, ast.List) and not value.elts


def _reads_set(pairs: list[tuple[ast.expr, ast.expr]]) -> bool:
    """Whether a value asks for a target, or calls a method that may: then all are computed first."""
    values = [node for _, value in pairs for node in ast.walk(value)]
    read = {ast.unparse(node) for node in values if isinstance(node, (ast.Name, ast.Attribute))}
    own = any(isinstance(node, ast.Call) and ast.unparse(node.func).startswith("self.") for node in values)
    starred = any(isinstance(target, ast.Starred) for target, _ in pairs)
    return starred or own or bool(read & {ast.unparse(target) for target, _ in pairs})


def _apart(node: ast.Assign) -> Iterator[str]:
    """`a[0] = b = f(x)` as `b = f(x)`, then `a[0] = b`."""
    names = [each for each in node.targets if isinstance(each, ast.Name)]
    is_plain = isinstance(node.value, (ast.Name, ast.Constant))
    first = ast.unparse(names[0]) if names else "value_of_all"
    if not is_plain or names:
        yield f"{first} = {ast.unparse(node.value)}"
    value = ast.unparse(node.value) if is_plain and not names else first
    yield from (f"{ast.unparse(each)} = {value}" for each in node.targets if each not in names[:1])
