"""`copy.deepcopy` of layers, which Keras cannot copy: constructed like what it copies where that stands beside it."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.constructor import stores
from porter.rulebook.call import code_of


def construct_copies(context: Context, original: cst.Call) -> cst.BaseExpression | None:
    """The port of `copy.deepcopy(self.heads)`: what has made `self.heads` in the same function, else `copied`."""
    callee = context.knowledge.callee(original)
    if callee is None or callee.name != "copy.deepcopy" or len(original.args) != 1:
        return None
    layer = original.args[0].value
    made = _made(context, original, layer)
    if made is not None:
        return context.port(made)
    fact = context.fact(layer)
    if fact is None or not fact.only("module"):
        return None
    return cst.parse_expression(f"copied({code_of(context.port(layer))})")


def _made(context: Context, call: cst.Call, attribute: cst.BaseExpression) -> cst.BaseExpression | None:
    """What makes `self.heads`, if one assignment of the same function makes all of it."""
    function = context.source.enclosing(call)
    if function is None or not m.matches(attribute, m.Attribute(value=m.Name("self"))):
        return None
    name = cst.ensure_type(attribute, cst.Attribute).attr.value
    stored = (store for store in stores(context.source, function.node) if store.directly)
    assigned = [store.value for store in stored if store.attribute == name]
    if len(assigned) != 1 or _grows(context, function.node, attribute):
        return None
    return assigned[0] if context.knowledge.makes_layer(context.source.find(assigned[0], cst.Call)) else None


def _grows(context: Context, function: cst.CSTNode, attribute: cst.BaseExpression) -> bool:
    """`self.heads.append(...)`, `self.heads += [...]`."""
    methods = (call.func for call in context.source.find(function, cst.Call))
    owners = (method.value for method in methods if isinstance(method, cst.Attribute))
    extended = (statement.target for statement in context.source.find(function, cst.AugAssign))
    return any(node.deep_equals(attribute) for node in (*owners, *extended))
