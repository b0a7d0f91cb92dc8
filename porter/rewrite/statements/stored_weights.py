"""What a layer keeps from call to call: weights, buffers and tensors get new values, they are not replaced."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.kept_tensors import keeps_tensor
from porter.rewrite.reading.layer_weights import is_layer_weight, walks_weights
from porter.rulebook.call import code_of

_OWN = m.Attribute(value=m.Name("self"))
_REGISTERS = m.Call(func=m.Attribute(value=m.Name("self"), attr=m.Name("register_buffer")))


def kept_for_good(
    context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement
) -> cst.BaseSmallStatement:
    """`self.count = v` and `self.count += v` as `self.count.assign(...)`, where a checkpoint holds `count`.

    So is what is written to a weight that a loop runs through; one of a layer of PyTorch's has PyTorch's axes.
    """
    target = _target(after)
    if target is None:
        return after
    value = after.value  # type: ignore[attr-defined]  # whatever has a target has one
    if isinstance(after, cst.AugAssign):
        operator = code_of(after.operator).strip().removesuffix("=")
        value = cst.parse_expression(f"{code_of(target)} {operator} ({code_of(value)})")
    place = _whole(_target(before) or target)
    if isinstance(place, cst.Attribute) and _runs(context, before) and is_layer_weight(context.knowledge, place):
        layer = code_of(context.port(place.value))
        return _statement(f'set_weight({layer}, "{place.attr.value}", {code_of(value)})')
    if _makes_kept(context, before, target):
        return after.with_changes(value=cst.parse_expression(f"tf.Variable({code_of(value)}, trainable=False)"))
    if not _is_kept(context, before, target):
        return after
    argument = cst.Arg(value.with_changes(lpar=[], rpar=[]))
    return cst.Expr(cst.Call(cst.Attribute(target, cst.Name("assign")), [argument]))


def _whole(place: cst.Attribute | cst.Name) -> cst.BaseExpression:
    """`x` of `x.data`."""
    return place.value if isinstance(place, cst.Attribute) and place.attr.value == "data" else place


def _statement(code: str) -> cst.Expr:
    return cst.Expr(cst.parse_expression(code))


def _target(statement: cst.BaseSmallStatement) -> cst.Attribute | cst.Name | None:
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
    elif isinstance(statement, cst.AugAssign):
        target = statement.target
    else:
        return None
    return target if isinstance(target, (cst.Attribute, cst.Name)) else None


def _is_kept(context: Context, statement: cst.CSTNode, target: cst.Attribute | cst.Name) -> bool:
    if isinstance(target, cst.Name):
        return _runs(context, statement) and walks_weights(context.source, statement, target.value)
    if not m.matches(target, _OWN):
        return False
    return _is_stored(context, statement, target.attr.value) or (
        _runs(context, statement) and _keeps(context, statement, target)
    )


def _makes_kept(context: Context, statement: cst.CSTNode, target: cst.Attribute | cst.Name) -> bool:
    """Whether a constructor makes a tensor here into whose parts the layer writes while it runs."""
    return (
        context.source.in_init(statement)
        and m.matches(target, _OWN)
        and _keeps(context, statement, cst.ensure_type(target, cst.Attribute))
    )


def _keeps(context: Context, statement: cst.CSTNode, target: cst.Attribute) -> bool:
    owner = context.source.enclosing_class(statement)
    return owner is not None and keeps_tensor(context.knowledge, owner, target.attr.value)


def _runs(context: Context, statement: cst.CSTNode) -> bool:
    function = context.source.enclosing(statement)
    return function is not None and function.name in context.flow.running


def _is_stored(context: Context, statement: cst.CSTNode, name: str) -> bool:
    """Whether an object of the class, or of one that inherits from it, has such a weight when the statement runs."""
    function = context.source.enclosing(statement)
    if function is None or function.class_name is None:
        return False
    if not _runs(context, statement) and not _is_registered(context, function.node, statement, name):
        return False
    heirs = [local.name for local in context.source.classes.values() if function.class_name in local.lineage]
    seen = [context.knowledge.facts.modules[heir] for heir in heirs if heir in context.knowledge.facts.modules]
    return any(name in fact.parameters or fact.buffers.get(name, False) for fact in seen)


def _is_registered(context: Context, constructor: cst.FunctionDef, statement: cst.CSTNode, name: str) -> bool:
    """Whether a constructor has registered a buffer above a statement, and given it a tensor."""
    for call in context.source.find(constructor, cst.Call):
        is_above = context.source.line(call) < context.source.line(statement)
        if is_above and m.matches(call, _REGISTERS) and len(call.args) > 1:
            named = call.args[0].value
            is_same = isinstance(named, cst.SimpleString) and named.evaluated_value == name
            if is_same and not m.matches(call.args[1].value, m.Name("None")):
                return True
    return False
