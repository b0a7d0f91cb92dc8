"""Sizes and values that a graph may not know where Python asks them, as `reading.checks` has planned it."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.declared import note
from porter.rewrite.reading.sizes_read import reads_size
from porter.rulebook.call import code_of


def port_comparison(context: Context, original: cst.Comparison, ported: cst.BaseExpression) -> cst.BaseExpression:
    """The comparison as `surely(...)` or `possibly(...)` where a graph may not know its sizes, else as it is."""
    check = context.checks.get(original)
    if check is None or check.asks == "branch" or not isinstance(ported, cst.Comparison):
        return ported
    note(context, original, check.remark)
    return cst.parse_expression(f"{check.asks}({code_of(ported.with_changes(lpar=[], rpar=[]))})")


def asked_for_truth(context: Context, original: cst.BaseExpression, ported: cst.BaseExpression) -> cst.BaseExpression:
    """A test as planned, or of a size alone, `if x.shape[1]:`, so asked that one the graph does not know counts."""
    check = context.checks.get(original)
    if check is not None and check.asks == "branch" and isinstance(original, cst.BinaryOperation):
        return cst.parse_expression(f"{code_of(ported)} != 0")
    if check is not None and not isinstance(original, cst.Comparison):
        note(context, original, check.remark)
        return cst.parse_expression(f"{check.asks}({code_of(ported)})")
    if isinstance(original, cst.UnaryOperation) and isinstance(ported, cst.UnaryOperation):
        return ported.with_changes(expression=asked_for_truth(context, original.expression, ported.expression))
    if isinstance(original, cst.BooleanOperation) and isinstance(ported, cst.BooleanOperation):
        sides = {side: (getattr(original, side), getattr(ported, side)) for side in ("left", "right")}
        return ported.with_changes(**{side: asked_for_truth(context, *pair) for side, pair in sides.items()})
    if not isinstance(original, (cst.Name, cst.Subscript, cst.Call, cst.BinaryOperation)):
        return ported
    fact = context.fact(original)
    is_size = (fact is None or fact.only("int")) and reads_size(context.source, original)
    if not is_size or context.source.in_constructor(original):
        return ported
    return cst.parse_expression(f"possibly({code_of(ported)})")


def chosen(context: Context, original: cst.BooleanOperation, ported: cst.BooleanOperation) -> cst.IfExp | None:
    """`length or default` for its value, where a graph may not know the length, which counts then."""
    if not isinstance(original.operator, cst.Or) or not isinstance(original.left, (cst.Name, cst.Subscript)):
        return None
    if _asks_for_truth(context, original) or context.source.in_constructor(original):
        return None
    fact = context.fact(original.left)
    if (fact is not None and not fact.only("int")) or not reads_size(context.source, original.left):
        return None
    size = ported.left.with_changes(lpar=[], rpar=[])
    choice = f"{code_of(size)} if possibly({code_of(size)}) else {code_of(ported.right)}"
    return cst.ensure_type(cst.parse_expression(choice), cst.IfExp).with_changes(lpar=ported.lpar, rpar=ported.rpar)


def _asks_for_truth(context: Context, node: cst.CSTNode) -> bool:
    """Whether an expression decides a branch, a loop or an assertion."""
    parent = context.source.parents[node]
    while m.matches(parent, m.BooleanOperation() | m.UnaryOperation(operator=m.Not())):
        node, parent = parent, context.source.parents[parent]
    return getattr(parent, "test", None) is node


_ARITHMETIC = (cst.Add, cst.Subtract, cst.Multiply, cst.FloorDivide, cst.Modulo, cst.Divide)


def counted(context: Context, original: cst.BinaryOperation, updated: cst.BinaryOperation) -> cst.BinaryOperation:
    """`(x.shape[1] > 1) * 2`: TensorFlow does not count with what a comparison gives."""
    if not isinstance(original.operator, _ARITHMETIC):
        return updated
    for side in ("left", "right"):
        if _compares_sizes(context, getattr(original, side)):
            code = code_of(getattr(updated, side).with_changes(lpar=[], rpar=[]))
            updated = updated.with_changes(**{side: cst.parse_expression(f"as_int({code})")})
    return updated


def _compares_sizes(context: Context, node: cst.BaseExpression) -> bool:
    if not m.matches(node, m.Comparison()) or context.source.in_constructor(node):
        return False
    comparison = cst.ensure_type(node, cst.Comparison)
    operands = [comparison.left, *(target.comparator for target in comparison.comparisons)]
    return any(reads_size(context.source, operand) for operand in operands)
