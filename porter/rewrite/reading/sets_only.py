"""What statements set on `self` where they do nothing but compute: assignments, buffers, own methods of such ones."""

from __future__ import annotations

from collections.abc import Iterable

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source


def attributes_set(source: Source, owner: str, statements: Iterable[cst.CSTNode]) -> frozenset[str] | None:
    """The attributes of self that statements of a class's method set; None where one of them does anything else."""
    return _of_all(source, owner, statements, frozenset())


def _of_all(
    source: Source, owner: str, statements: Iterable[cst.CSTNode], entered: frozenset[str]
) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for statement in statements:
        own = _of_one(source, owner, statement, entered)
        if own is None:
            return None
        found |= own
    return found


def _of_one(source: Source, owner: str, statement: cst.CSTNode, entered: frozenset[str]) -> frozenset[str] | None:
    if isinstance(statement, cst.SimpleStatementLine):
        return _of_all(source, owner, statement.body, entered)
    if isinstance(statement, (cst.If, cst.Else)):
        others = [statement.orelse] if isinstance(statement, cst.If) and statement.orelse is not None else []
        return _of_all(source, owner, [*statement.body.body, *others], entered)
    if isinstance(statement, cst.Assign):
        return _targets(statement)
    if isinstance(statement, cst.Expr) and isinstance(statement.value, cst.Call):
        return _of_call(source, owner, statement.value, entered)
    imports = m.Import() | m.ImportFrom()
    says_nothing = m.matches(statement, m.Pass() | imports | m.Expr(m.SimpleString() | m.ConcatenatedString()))
    return frozenset() if says_nothing else None


def _targets(assign: cst.Assign) -> frozenset[str] | None:
    targets = [target.target for target in assign.targets]
    rows = m.Subscript(value=m.Name())  # of a tensor that is being made: `table[:, 0::2] = angles.sin()`
    names = m.Name() | m.Tuple(elements=[m.ZeroOrMore(m.Element(value=m.Name()))])
    if not all(_is_own(target) or m.matches(target, names | rows) for target in targets):
        return None
    return frozenset(target.attr.value for target in targets if isinstance(target, cst.Attribute))


def _of_call(source: Source, owner: str, call: cst.Call, entered: frozenset[str]) -> frozenset[str] | None:
    if not isinstance(call.func, cst.Attribute) or not _is_own(call.func):
        return None
    name = call.func.attr.value
    if name == "register_buffer" and call.args and isinstance(call.args[0].value, cst.SimpleString):
        return frozenset({str(call.args[0].value.evaluated_value)})
    if name in entered:
        return None
    methods = _methods(source, owner, name)
    bodies = [statement for method in methods for statement in method.node.body.body]
    return _of_all(source, owner, bodies, entered | {name}) if methods else None


def _methods(source: Source, owner: str, name: str) -> list[LocalFunction]:
    """The method as an object of the class, or of one that inherits from it, may have it."""
    heirs = [local.name for local in source.classes.values() if owner in local.lineage]
    found = [method for heir in heirs if (method := source.method(heir, name)) is not None]
    return list({method.name: method for method in found}.values())


def _is_own(node: cst.BaseExpression) -> bool:
    return m.matches(node, m.Attribute(value=m.Name("self")))
