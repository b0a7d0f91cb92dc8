"""Filling a rule's template: placeholders become arguments, what the caller did not pass is left out."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import libcst as cst

from porter.rulebook.call import Arg, Call, Unknown, code_of, default_argument, is_atom
from porter.rulebook.declare import Card, Rule
from porter.rulebook.results import Drop, Same, nothing


def translate(declared: Rule | Card, call: Call) -> cst.BaseExpression:
    """The TensorFlow expression of a call, as its rule or card says.

    Raises:
        Unknown: the rule needs a fact that was not seen, or does not cover these arguments.
    """
    return written(answer(declared, call), call)


def answer(declared: Rule | Card, call: Call) -> cst.BaseExpression | Same | Drop:
    """What a rule or card says of a call.

    Raises:
        Unknown: the rule needs a fact that was not seen, or does not cover these arguments.
    """
    if isinstance(declared, Rule) and _is_single_row(declared, call):
        return _of_single_row(declared, call)
    if isinstance(declared.to, str):
        return fill(declared.to, call)
    if isinstance(declared.to, (Same, Drop)):
        return declared.to
    try:
        result = declared.to(call)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unknown(f"the rule did not foresee these arguments ({type(error).__name__}: {error})") from error
    return _parsed(result) if isinstance(result, str) else result


def _is_single_row(declared: Rule, call: Call) -> bool:
    """Whether the first argument lacks the batch axis that the rule counts with."""
    fact = _first(call).fact if declared.rank is not None else None
    return fact is not None and fact.rank is not None and fact.rank + 1 == declared.rank


def _of_single_row(declared: Rule, call: Call) -> cst.BaseExpression:
    """The call of a batch of one, and its only row."""
    first = call.signature.parameters[0].name
    row = _first(call)
    assert row.fact is not None
    fact = replace(row.fact, rank=declared.rank)
    batch = replace(row, node=cst.parse_expression(f"{row}[tf.newaxis]"), fact=fact)
    bound = replace(call.bound, given={**call.bound.given, first: batch})
    if call.result is not None and not call.result.kinds <= {"tensor"}:
        raise Unknown(f"several results of {call.signature.name} without a batch axis are not covered")
    result = written(answer(replace(declared, rank=None), replace(call, bound=bound)), call)
    return cst.parse_expression(f"{code_of(result)}[0]")


def _first(call: Call) -> Arg:
    first: Arg = getattr(call, call.signature.parameters[0].name)
    return first


def written(result: cst.BaseExpression | Same | Drop, call: Call) -> cst.BaseExpression:
    """The expression that stands for a rule's answer."""
    if isinstance(result, Drop):
        return nothing()
    if isinstance(result, Same):
        return _first(call).node
    return result


def _parsed(code: str) -> cst.BaseExpression:
    """The expression that a rule returned; one that goes over several lines needs parentheses around it.

    Raises:
        Unknown: it is not an expression, so the rule did not foresee these arguments.
    """
    for text in (code, f"({code})"):
        try:
            return cst.parse_expression(text)
        except cst.ParserSyntaxError:
            continue
    raise Unknown(f"the rule does not cover these arguments (it gave `{code}`)")


def fill(template: str, call: Call) -> cst.BaseExpression:
    """Replace the parameter names of a template by the call's arguments."""
    names = {parameter.name for parameter in call.signature.parameters}
    filled = _parse(template).visit(_Filler(call, names))
    if not isinstance(filled, cst.BaseExpression):
        raise Unknown(f"{call.signature.name} lacks an argument")
    return filled


@cache
def _parse(template: str) -> cst.BaseExpression:
    return cst.parse_expression(template)


class _Filler(cst.CSTTransformer):
    def __init__(self, call: Call, names: set[str]) -> None:
        self.call = call
        self.names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg | cst.RemovalSentinel:
        value = original_node.value
        keyword = original_node.keyword
        updated_node = updated_node.with_changes(keyword=keyword)  # a keyword is not a placeholder
        if not isinstance(value, cst.Name) or value.value not in self.names:
            return updated_node
        if keyword is not None and not self._passed(value.value):
            return cst.RemoveFromParent()
        return updated_node.with_changes(value=getattr(self.call, value.value).node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:
        """Without the comma before what was left out."""
        if not updated_node.args:
            return updated_node
        last = updated_node.args[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
        return updated_node.with_changes(args=[*updated_node.args[:-1], last])

    def _passed(self, name: str) -> bool:
        parameter = self.call.signature.parameter(name)
        if parameter is not None and parameter.variadic:
            return bool(self.call.variadic)
        if name not in self.call.bound.given:
            return False
        given = self.call.bound.given[name]
        return (
            parameter is None
            or parameter.default is None
            or not _same_literal(code_of(given.original), parameter.default)
        )

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        if original_node.value not in self.names:
            return updated_node
        parameter = self.call.signature.parameter(original_node.value)
        if (
            parameter is not None
            and parameter.default is not None
            and original_node.value not in self.call.bound.given
        ):
            return default_argument(parameter).node
        argument = getattr(self.call, original_node.value)
        return parenthesised(argument.node)


def parenthesised(node: cst.BaseExpression) -> cst.BaseExpression:
    """The expression, safe beside any operator."""
    if is_atom(node):
        return node
    return node.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _same_literal(text: str, default: str) -> bool:
    try:
        left, right = ast.literal_eval(text), ast.literal_eval(default)
    except (ValueError, SyntaxError):
        return False
    return type(left) is type(right) and bool(left == right)


def with_names(expression: cst.BaseExpression, new: Mapping[str, cst.BaseExpression]) -> cst.BaseExpression:
    """The expression with variables replaced; attributes and keywords of the same name are not variables."""
    return expression.visit(_Renamer(new))  # type: ignore[return-value]  # an expression stays one


class _Renamer(cst.CSTTransformer):
    def __init__(self, new: Mapping[str, cst.BaseExpression]) -> None:
        self.new = new

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        return updated_node.with_changes(attr=original_node.attr)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return updated_node.with_changes(keyword=original_node.keyword)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        return self.new.get(original_node.value, updated_node)
