"""What is known before running goes: branches that are never taken, operands that decide nothing."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Sequence
from typing import Any

import libcst as cst
import libcst.matchers as m

from porter.rulebook.call import code_of


def fold_if(
    updated: cst.If, is_elif: bool
) -> cst.BaseStatement | cst.Else | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """An `if` or `elif` whose condition is known goes, or leaves its branch."""
    if updated.orelse is None and _is_empty(updated.body) and not isinstance(updated.test, cst.Call):
        return cst.RemoveFromParent()
    if m.matches(updated.test, m.Name("True")):
        return cst.Else(updated.body) if is_elif else flattened(updated.body, updated.leading_lines)
    if not m.matches(updated.test, m.Name("False")):
        return updated
    if updated.orelse is None:
        return cst.RemoveFromParent()
    if is_elif:
        return updated.orelse
    if isinstance(updated.orelse, cst.If):
        return updated.orelse.with_changes(leading_lines=[*updated.leading_lines, *updated.orelse.leading_lines])
    return flattened(updated.orelse.body, [*updated.leading_lines, *updated.orelse.leading_lines])


def _is_empty(body: cst.BaseSuite) -> bool:
    return all(m.matches(statement, m.SimpleStatementLine(body=[m.Pass()])) for statement in body.body)


def flattened(
    body: cst.BaseSuite, above: Sequence[cst.EmptyLine]
) -> cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """A block's statements without their header, whose comments stay above them."""
    statements = list(body.body) if isinstance(body, cst.IndentedBlock) else []
    if not statements:
        return cst.RemoveFromParent()
    first = statements[0]
    if isinstance(first, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
        statements[0] = first.with_changes(leading_lines=[*above, *first.leading_lines])
    return cst.FlattenSentinel(statements)


def fold_boolean(updated: cst.BooleanOperation) -> cst.BaseExpression:
    """`False or x` is x, `True and x` is x."""
    neutral, absorbing = ("False", "True") if isinstance(updated.operator, cst.Or) else ("True", "False")
    if m.matches(updated.left, m.Name(neutral)):
        return updated.right
    if m.matches(updated.right, m.Name(neutral)):
        return updated.left
    if m.matches(updated.left, m.Name(absorbing)):
        return updated.left
    return updated


def fold_comparison(original: cst.Comparison, ported: cst.BaseExpression) -> cst.BaseExpression:
    """A comparison of texts that the port knows, `"cpu" in ("cpu", "mps")` for a device's kind, is its answer."""
    if code_of(original) == code_of(ported):
        return ported
    found = ast.parse(code_of(ported), mode="eval").body
    if not isinstance(found, ast.Compare) or len(found.ops) != 1 or type(found.ops[0]) not in _ANSWERS:
        return ported
    try:
        left, right = ast.literal_eval(found.left), ast.literal_eval(found.comparators[0])
    except ValueError:
        return ported
    return cst.Name(str(_ANSWERS[type(found.ops[0])](left, right))) if isinstance(left, str) else ported


_ANSWERS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
}
