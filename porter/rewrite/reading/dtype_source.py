"""Which variable's dtype an expression has, whatever the type of the model."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.reading.full_precision import is_full_precision
from porter.rewrite.reading.knowledge import Knowledge


def dtype_source(knowledge: Knowledge, node: cst.BaseExpression, dtype: str) -> cst.Name | None:
    """The variable of this dtype that an expression is computed from and keeps the dtype of.

    None where there is none, or where the expression is float32 in a model of half precision, too.
    """
    if is_full_precision(knowledge, node):
        return None
    fact = knowledge.fact(node)
    if fact is None or not fact.is_tensor or fact.dtype != dtype:
        return None
    if isinstance(node, cst.Name):
        return node
    return next(filter(None, (dtype_source(knowledge, part, dtype) for part in _operands(knowledge, node))), None)


def _operands(knowledge: Knowledge, node: cst.BaseExpression) -> list[cst.BaseExpression]:
    """What the result of an operation takes its dtype from; nothing for the call of a layer or a function."""
    if isinstance(node, cst.BinaryOperation):
        return [node.left, node.right]
    if isinstance(node, cst.UnaryOperation):
        return [node.expression]
    if isinstance(node, cst.Subscript):
        return [node.value]
    if not isinstance(node, cst.Call):
        return []
    if (knowledge.source.canonical(node.func) or "").startswith("torch."):
        return [argument.value for argument in node.args]
    return [node.func.value] if isinstance(node.func, cst.Attribute) else []
