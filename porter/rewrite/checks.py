"""Checks of sizes that only raise, or only prepare the layer: where a graph does not know a size, neither is done."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rules.call import code_of


def port_check(context: Context, original: cst.If, updated: cst.If) -> cst.If:
    """`if size > most: raise ...` and `...: self.grow(size)` ask `surely(size > most)`; others stay as they are."""
    if original.orelse is not None or not (_raises(original) or all(map(_prepares, original.body.body))):
        return updated
    test = _wrapped(context, original.test, updated.test, "surely")
    return updated if test is updated.test else updated.with_changes(test=test)


def port_assert(context: Context, original: cst.Assert, updated: cst.Assert) -> cst.Assert:
    """`assert size == other` asks `possibly(size == other)`."""
    return updated.with_changes(test=_wrapped(context, original.test, updated.test, "possibly"))


def _wrapped(
    context: Context, original: cst.BaseExpression, updated: cst.BaseExpression, function: str
) -> cst.BaseExpression:
    before = context.source.find(original, cst.Comparison)
    after = [node for node in m.findall(updated, m.Comparison()) if isinstance(node, cst.Comparison)]
    if len(before) != len(after):
        return updated
    unsure = {id(new) for old, new in zip(before, after, strict=True) if _is_size_comparison(context, old)}
    wrapped = updated.visit(_Wrapper(unsure, function)) if unsure else updated
    assert isinstance(wrapped, cst.BaseExpression)
    return wrapped


def _raises(node: cst.If) -> bool:
    return m.matches(node.body.body[-1], m.SimpleStatementLine(body=[m.Raise()]))


def _prepares(statement: cst.CSTNode) -> bool:
    """Whether a statement only changes the layer: `self.table = ...`, `self.grow(...)`, no value of the call's."""
    own = m.Attribute(value=m.Name("self"))
    assigns = m.Assign(targets=[m.AtLeastN(m.AssignTarget(target=own), n=1)])
    return m.matches(statement, m.SimpleStatementLine(body=[m.Expr(value=m.Call(func=own)) | assigns]))


def _is_size_comparison(context: Context, node: cst.Comparison) -> bool:
    """Whether an operand is a number that differed between runs, or was never seen."""
    operands = [node.left, *(target.comparator for target in node.comparisons)]
    if any(isinstance(target.operator, (cst.Is, cst.IsNot, cst.In, cst.NotIn)) for target in node.comparisons):
        return False
    facts = [context.fact(operand) for operand in operands]
    return any(fact is not None and fact.kinds & {"int", "tensor"} and not fact.has_value for fact in facts)


class _Wrapper(cst.CSTTransformer):
    def __init__(self, unsure: set[int], function: str) -> None:
        self.unsure = unsure
        self.function = function

    def leave_Comparison(self, original_node: cst.Comparison, updated_node: cst.Comparison) -> cst.BaseExpression:
        if id(original_node) not in self.unsure:
            return updated_node
        return cst.parse_expression(f"{self.function}({code_of(updated_node.with_changes(lpar=[], rpar=[]))})")
