"""The nodes right below one: LibCST's own visitors rebuild every node that they come by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache

import libcst as cst

_WHITESPACE = (cst.BaseParenthesizableWhitespace, cst.TrailingWhitespace, cst.EmptyLine)


def children(node: cst.CSTNode, but: str = "") -> Iterator[cst.CSTNode]:
    """The nodes in the fields of a node, in their order, white space and the field called `but` aside."""
    for name in _field_names(type(node)):
        if name != but:
            value = getattr(node, name)
            for child in value if isinstance(value, (list, tuple)) else (value,):
                if isinstance(child, cst.CSTNode) and not isinstance(child, _WHITESPACE):
                    yield child


@cache
def _field_names(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
