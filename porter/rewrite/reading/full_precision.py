"""Which numbers are float32 whatever the type of the model: those that the code has cast, and what comes of them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import LocalFunction

_FLOAT32 = frozenset({"torch.float32", "torch.float"})
_OTHER_TYPE = frozenset({"to", "type", "type_as", "half", "bfloat16", "double", "int", "long", "bool"})


def is_full_precision(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    """Whether an expression is float32 in a model of half precision, too, as far as its file says."""
    return _is_full(knowledge, node, frozenset())


def _is_full(knowledge: Knowledge, node: cst.BaseExpression, passed: frozenset[str]) -> bool:
    if isinstance(node, cst.Name):
        function = knowledge.source.enclosing(node)
        name = f"{function.name} {node.value}" if function is not None else ""
        if function is None or name in passed:
            return False
        values = knowledge.assigned_values(function, node.value)
        if node.value in function.parameters:
            values = [*values, *_given(knowledge, function, node.value)]
        return bool(values) and all(_is_full(knowledge, value, passed | {name}) for value in values)
    if isinstance(node, cst.Subscript):
        return knowledge.is_tensor(node.value) and _is_full(knowledge, node.value, passed)
    if isinstance(node, cst.BinaryOperation):
        return any(_is_full(knowledge, side, passed) for side in (node.left, node.right))
    if isinstance(node, cst.UnaryOperation):
        return _is_full(knowledge, node.expression, passed)
    return isinstance(node, cst.Call) and _is_full_call(knowledge, node, passed)


def _given(knowledge: Knowledge, function: LocalFunction, parameter: str) -> Iterator[cst.BaseExpression]:
    """What the file's calls of a function, which no class has, give to a parameter; None where it has its default."""
    if function.class_name is not None:
        return
    at = function.parameters.index(parameter)
    for call in knowledge.source.calls.get(function.own_name, []):
        plain = [argument.value for argument in call.args if argument.keyword is None and not argument.star]
        named = [a.value for a in call.args if a.keyword is not None and a.keyword.value == parameter]
        yield from named or plain[at : at + 1] or [cst.Name("None")]


def _is_full_call(knowledge: Knowledge, call: cst.Call, passed: frozenset[str]) -> bool:
    arguments = [argument.value for argument in call.args]
    if isinstance(call.func, cst.Attribute) and not (knowledge.source.canonical(call.func) or "").startswith("torch."):
        name = call.func.attr.value
        if name == "float" and not arguments:
            return True
        if name in _OTHER_TYPE:
            return name == "to" and any(_names_float32(knowledge, argument) for argument in arguments)
        return knowledge.is_tensor(call.func.value) and _is_full(knowledge, call.func.value, passed)
    name = knowledge.source.canonical(call.func) or ""
    typed = [a.value for a in call.args if m.matches(a, m.Arg(keyword=m.Name("dtype")))]
    if typed:
        return _names_float32(knowledge, typed[0])
    return name.startswith("torch.") and any(_is_full(knowledge, argument, passed) for argument in arguments)


def _names_float32(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Attribute) and knowledge.source.canonical(node) in _FLOAT32
