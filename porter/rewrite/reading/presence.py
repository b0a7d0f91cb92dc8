"""Whether a block surely sets an attribute of `self`, and surely to something that is not None."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import libcst as cst
import libcst.matchers as m

Presence = Literal["always", "optional", "sometimes"]
"""`always` set to a value, `optional` where it can be None, `sometimes` where some path does not set it."""

_WEAKEST_FIRST: tuple[Presence, ...] = ("sometimes", "optional", "always")


def presences(body: cst.BaseSuite) -> Iterator[tuple[str, Presence]]:
    """`(attribute, presence)` for what each statement of a block sets, in order; plain lists are left out.

    A list of layers is not a child of a module in PyTorch; whatever registers its members builds them.
    """
    for statement in body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from _in_line(statement)
        elif isinstance(statement, cst.If):
            yield from _in_branches(statement)
        elif isinstance(statement, (cst.For, cst.While, cst.With, cst.Try)):
            yield from ((name, "sometimes") for name, _ in presences(statement.body))


def _in_line(line: cst.SimpleStatementLine) -> Iterator[tuple[str, Presence]]:
    for small in line.body:
        if not isinstance(small, (cst.Assign, cst.AnnAssign)) or small.value is None:
            continue
        targets = [each.target for each in small.targets] if isinstance(small, cst.Assign) else [small.target]
        for assigned in targets:
            target = assigned.value if isinstance(assigned, cst.Subscript) else assigned
            is_own = isinstance(target, cst.Attribute) and m.matches(target.value, m.Name("self"))
            if is_own and not isinstance(small.value, (cst.List, cst.ListComp)):
                assert isinstance(target, cst.Attribute)
                yield target.attr.value, "optional" if _may_be_none(small.value) else "always"


def _may_be_none(value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.IfExp):
        return _may_be_none(value.body) or _may_be_none(value.orelse)
    return m.matches(value, m.Name("None"))


def _in_branches(statement: cst.If) -> Iterator[tuple[str, Presence]]:
    branches: list[dict[str, Presence]] = [dict(presences(statement.body))]
    orelse = statement.orelse
    while isinstance(orelse, cst.If):
        branches.append(dict(presences(orelse.body)))
        orelse = orelse.orelse
    branches.append(dict(presences(orelse.body)) if orelse is not None else {})
    if orelse is not None and _raises(orelse.body):
        branches.pop()
    for name in dict.fromkeys(name for branch in branches for name in branch):
        found: set[Presence] = {branch.get(name, "sometimes") for branch in branches}
        yield name, next(presence for presence in _WEAKEST_FIRST if presence in found)


def _raises(body: cst.BaseSuite) -> bool:
    return any(m.matches(s, m.SimpleStatementLine(body=[m.Raise()])) for s in body.body)
