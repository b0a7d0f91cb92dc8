"""Loops that freeze weights, which do not exist yet when a port's constructor runs; layers can be frozen."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of

_WEIGHTS = m.Call(func=m.Attribute(attr=m.OneOf(m.Name("parameters"), m.Name("named_parameters"))))
_ASSIGNED = m.Assign(targets=[m.AssignTarget(m.Attribute(attr=m.Name("requires_grad")))])
_CALLED = m.Expr(m.Call(func=m.Attribute(attr=m.Name("requires_grad_"))))
_FREEZES = m.SimpleStatementLine(body=[m.OneOf(_ASSIGNED, _CALLED)])


def is_freezing(original: cst.CSTNode | None) -> bool:
    """`for p in x.parameters(): p.requires_grad = False`, whatever it asks of the weight's name before."""
    return m.matches(original or cst.Pass(), m.For(iter=_WEIGHTS)) and _only_freezes(original.body)  # type: ignore[union-attr]  # a For


def _only_freezes(body: cst.BaseSuite) -> bool:
    return all(_freezes(statement) for statement in body.body)


def _freezes(statement: cst.CSTNode) -> bool:
    if not isinstance(statement, cst.If):
        return m.matches(statement, _FREEZES)
    orelse = statement.orelse
    rest = orelse is None or (_freezes(orelse) if isinstance(orelse, cst.If) else _only_freezes(orelse.body))
    return _only_freezes(statement.body) and rest


def port_freezing(context: Context, original: cst.For) -> cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """What Keras has for all weights of a layer: `x.trainable = False`. Single weights cannot be told here."""
    if len(original.body.body) > 1 or isinstance(original.body.body[0], cst.If):
        context.note(original, "assumed", "which single weights PyTorch freezes here is not ported; they train.")
        return cst.RemoveFromParent()
    layer = code_of(context.port(original.iter.func.value))  # type: ignore[attr-defined]  # as _WEIGHTS says
    return cst.FlattenSentinel([cst.parse_statement(f"{layer}.trainable = {_value(original.body.body[0])}")])


def _value(statement: cst.CSTNode) -> str:
    """What `requires_grad` is set to."""
    small = statement.body[0]  # type: ignore[attr-defined]  # as _FREEZES says
    if isinstance(small, cst.Assign):
        return code_of(small.value)
    return code_of(small.value.args[0].value) if small.value.args else "True"
