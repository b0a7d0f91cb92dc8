"""Checks of sizes that only raise, or only prepare the layer: where a graph does not know a size, neither is done."""

from __future__ import annotations

from typing import TypeVar

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of


def port_check(context: Context, original: cst.If, updated: cst.If) -> cst.If:
    """`if size > most: raise ...` and `...: self.grow(size)` ask `surely(size > most)`; others stay as they are."""
    if original.orelse is not None or not (_raises(original) or all(map(_prepares, original.body.body))):
        return updated
    test = _wrapped(context, original.test, updated.test, "surely")
    return updated if test is updated.test else updated.with_changes(test=test)


Branch = TypeVar("Branch", cst.If, cst.IfExp)


def port_general(context: Context, original: Branch, updated: Branch) -> Branch:
    """A branch on whether an unknown size is more than one, or no multiple: the code for many serves one as well.

    In a graph that does not know the size, `size > 1` and `size % n != 0` count as true, `size == 1` as false.
    """
    before = context.source.find(original.test, cst.Comparison)
    functions = [_general_case(context, comparison) for comparison in before]
    if not any(functions):
        return updated
    after = [node for node in m.findall(updated.test, m.Comparison()) if isinstance(node, cst.Comparison)]
    if len(before) != len(after):
        return updated
    test: cst.BaseExpression = updated.test
    for old, new, function in zip(before, after, functions, strict=True):
        if function is None:
            continue
        wrapped = test.visit(_Wrapper({id(new)}, function))
        assert isinstance(wrapped, cst.BaseExpression)
        test = wrapped
        answer = "is taken for granted" if function == "possibly" else "is taken for granted not to hold"
        context.note(old, "assumed", f"in a graph that does not know the size, `{code_of(old)}` {answer}.")
    return updated.with_changes(test=test)


_MANY = ((cst.GreaterThan, "01"), (cst.GreaterThanEqual, "12"), (cst.NotEqual, "01"))
_FEW = ((cst.Equal, "01"), (cst.LessThanEqual, "01"), (cst.LessThan, "12"))


def _general_case(context: Context, node: cst.Comparison) -> str | None:
    """How to ask whether an unknown size is zero or one."""
    if len(node.comparisons) != 1 or not _is_size_comparison(context, node):
        return None
    fact = context.fact(node.left)
    if fact is None or not fact.only("int") or _counts(context, node.left):
        return None
    target = node.comparisons[0]
    bound = code_of(target.comparator)
    for cases, function in ((_MANY, "possibly"), (_FEW, "surely")):
        if any(isinstance(target.operator, operator) and bound in bounds for operator, bounds in cases):
            return function
    return None


def _counts(context: Context, node: cst.BaseExpression) -> bool:
    """Whether a variable counts the turns of a loop."""
    function = context.source.enclosing(node)
    loops = context.source.find(function.node, cst.For, cst.CompFor) if function is not None else ()
    targets = (loop.target for loop in loops if isinstance(loop, (cst.For, cst.CompFor)))
    return any(name.value == code_of(node) for target in targets for name in context.source.find(target, cst.Name))


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


_META = m.Call(func=m.Attribute(value=m.Name("torch"), attr=m.Name("device")), args=[m.Arg(m.SimpleString('"meta"'))])


def asks_for_meta(comparison: cst.Comparison) -> cst.Name | None:
    """`x.device == torch.device("meta")`, whether a weight has numbers yet: in a port's constructor it never has."""
    for operator, answer in ((cst.Equal, "True"), (cst.NotEqual, "False")):
        if m.matches(comparison, m.Comparison(comparisons=[m.ComparisonTarget(_is(operator), _META)])):
            return cst.Name(answer)
    return None


def _is(operator: type[cst.BaseCompOp]) -> m.MatchIfTrue[cst.BaseCompOp]:
    return m.MatchIfTrue(lambda node: isinstance(node, operator))
