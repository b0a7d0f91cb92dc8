"""Changes to a Python text after which every line stands where it stood."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A stretch of the text, from one place (line, column in bytes) to another, and what stands there instead."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def of_node(node: ast.expr | ast.stmt, text: str) -> Edit:
    """The edit that puts a text in place of a node."""
    end = (node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
    return Edit((node.lineno, node.col_offset), end, text)


def edited(source: str, edits: Iterable[Edit]) -> str:
    """The text with each stretch replaced by one line, followed by as many empty ones as it had more."""
    lines = source.encode().splitlines(keepends=True)
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        (first, left), (last, right) = edit.start, edit.end
        before, after = lines[first - 1][:left], lines[last - 1][right:]
        closing = edit.text[-1] if edit.text.endswith(")") else ""
        text = edit.text.removesuffix(closing) + "\n" * (last - first) + closing
        lines[first - 1 : last] = (before + text.encode() + after).splitlines(keepends=True)
    return b"".join(lines).decode()
