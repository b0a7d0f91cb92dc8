"""What is read with brackets: an element or a part of a tensor, or of what holds others."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.precedence import with_guarded_value
from porter.rulebook import Unknown
from porter.rulebook.call import code_of
from porter.rulebook.subscripts import Index, subscript


def read_subscript(context: Context, original: cst.Subscript, updated: cst.Subscript) -> cst.BaseExpression:
    """What an expression with brackets becomes where its value is read; a Note where it cannot be told."""
    if not context.knowledge.is_tensor(original.value):
        return with_guarded_value(updated)
    value = context.arg(original.value, updated.value)
    try:
        code = subscript(value, indices(context, original, updated), context.knowledge.traced(original))
    except Unknown as error:
        context.note(original, "left", f"`{code_of(original)}` was kept: {error}.")
        return updated
    return with_guarded_value(updated) if code is None else cst.parse_expression(code)


def indices(context: Context, original: cst.Subscript, updated: cst.Subscript) -> Sequence[Index]:
    """The elements in brackets, each with its fact."""
    found = []
    for before, after in zip(original.slice, updated.slice, strict=True):
        fact = context.fact(before.slice.value) if isinstance(before.slice, cst.Index) else None
        found.append(Index(after.slice, before.slice, fact))
    return found
