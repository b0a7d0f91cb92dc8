"""Which numbers are float32 whatever the type of the model: those that the code has cast, and what comes of them."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge

_FLOAT32 = frozenset({"torch.float32", "torch.float"})
_OTHER_TYPE = frozenset({"to", "type", "type_as", "half", "bfloat16", "double", "int", "long", "bool"})


def is_full_precision(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    """Whether an expression is float32 in a model of half precision, too, as far as its function says."""
    return _is_full(knowledge, node, frozenset())


def _is_full(knowledge: Knowledge, node: cst.BaseExpression, passed: frozenset[str]) -> bool:
    if isinstance(node, cst.Name):
        function = knowledge.source.enclosing(node)
        if function is None or node.value in passed or node.value in function.parameters:
            return False
        values = knowledge.assigned_values(function, node.value)
        return bool(values) and all(_is_full(knowledge, value, passed | {node.value}) for value in values)
    if isinstance(node, cst.BinaryOperation):
        return any(_is_full(knowledge, side, passed) for side in (node.left, node.right))
    if isinstance(node, cst.UnaryOperation):
        return _is_full(knowledge, node.expression, passed)
    return isinstance(node, cst.Call) and _is_full_call(knowledge, node, passed)


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
