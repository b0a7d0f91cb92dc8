"""Parentheses around operations that took the place of a call, where the operator outside binds tighter."""

from __future__ import annotations

from typing import TypeVar

import libcst as cst

from porter.rulebook.template import parenthesised

_ATOM, _UNARY, _NOT, _CONDITIONAL = 20, 11, 3, 0
_COMPARISON = 4
_BINARY = {
    cst.Power: 12,
    cst.Multiply: 10, cst.MatrixMultiply: 10, cst.Divide: 10, cst.FloorDivide: 10, cst.Modulo: 10,
    cst.Add: 9, cst.Subtract: 9,
    cst.LeftShift: 8, cst.RightShift: 8,
    cst.BitAnd: 7, cst.BitXor: 6, cst.BitOr: 5,
    cst.And: 2, cst.Or: 1,
}  # fmt: skip
Operation = TypeVar("Operation", cst.BinaryOperation, cst.BooleanOperation, cst.Comparison, cst.UnaryOperation)


def with_guarded_value(part: cst.BaseExpression) -> cst.BaseExpression:
    """An item or attribute of something, which is in parentheses where Python would read it differently without."""
    if not isinstance(part, (cst.Subscript, cst.Attribute)):
        return part
    return part.with_changes(value=_guarded(part.value, _ATOM))


def with_parentheses(operation: Operation) -> Operation:
    """The operation with its operands in parentheses where Python would read it differently without."""
    rank = _rank(operation)
    if isinstance(operation, cst.UnaryOperation):
        return operation.with_changes(expression=_guarded(operation.expression, rank))
    if isinstance(operation, cst.Comparison):
        targets = [t.with_changes(comparator=_guarded(t.comparator, rank + 1)) for t in operation.comparisons]
        return operation.with_changes(left=_guarded(operation.left, rank + 1), comparisons=targets)
    power = isinstance(operation.operator, cst.Power)  # reads from the right
    left, right = (rank + 1, _UNARY) if power else (rank, rank + 1)
    return operation.with_changes(left=_guarded(operation.left, left), right=_guarded(operation.right, right))


def with_sides(node: cst.IfExp) -> cst.IfExp:
    """A conditional expression with what comes before `else` in parentheses where it would take in what follows."""
    return node.with_changes(body=_guarded(node.body, _CONDITIONAL + 1), test=_guarded(node.test, _CONDITIONAL + 1))


def _guarded(node: cst.BaseExpression, least: int) -> cst.BaseExpression:
    return parenthesised(node) if _rank(node) < least and not node.lpar else node


def _rank(node: cst.BaseExpression) -> int:
    """How tightly the outermost operator of an expression binds; what has none binds tightest."""
    if isinstance(node, (cst.BinaryOperation, cst.BooleanOperation)):
        return _BINARY[type(node.operator)]
    if isinstance(node, cst.UnaryOperation):
        return _NOT if isinstance(node.operator, cst.Not) else _UNARY
    if isinstance(node, cst.Comparison):
        return _COMPARISON
    return _CONDITIONAL if isinstance(node, (cst.IfExp, cst.Lambda)) else _ATOM
