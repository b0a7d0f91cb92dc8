"""What follows a write in place, as `reading.aliases` has planned it."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.declared import note
from porter.rewrite.reading.shared_numbers import Following, Joined, Stored
from porter.rewrite.statements.in_place import joined, stored


def following(context: Context, small: cst.BaseSmallStatement) -> Iterator[cst.SimpleStatementLine]:
    """The statements that give all that shares a tensor's numbers its new value."""
    consequences = context.aliases.get(small)
    if consequences is None:
        return
    for remark in consequences.remarks:
        note(context, small, remark)
    for one in consequences.following:
        written = _written(context, one)
        if written is not None:
            yield cst.SimpleStatementLine([written])


def taken(context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement) -> cst.Assign | None:
    """`f(x)` that writes into x and returns it is `x = f(x)`."""
    consequences = context.aliases.get(before)
    if consequences is None or consequences.takes is None or not isinstance(after, cst.Expr):
        return None
    return cst.Assign([cst.AssignTarget(cst.Name(consequences.takes))], after.value)


def _written(context: Context, one: Following) -> cst.Assign | None:
    if isinstance(one, Stored):
        return stored(context, one.place, cst.Name(one.name))
    if isinstance(one, Joined):
        return joined(context, one.parts, one.names)
    target = context.port(one.target) if one.target in context.source.parents else one.target
    assert isinstance(target, (cst.Name, cst.Tuple, cst.List))
    return cst.Assign([cst.AssignTarget(target)], context.port(one.value))
