"""`copy.deepcopy` of layers. Keras cannot copy a layer, so the copies are constructed like what they are copies of."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of


def construct_copies(context: Context, original: cst.Call) -> cst.BaseExpression | None:
    """The port of `copy.deepcopy(self.heads)` where the same function has made `self.heads`; else None."""
    if context.source.canonical(original.func) != "copy.deepcopy" or len(original.args) != 1:
        return None
    copied, place = original.args[0].value, context.source.parents.get(original)
    target = place.targets[0].target if isinstance(place, cst.Assign) else None
    made = _made(context, original, copied)
    if made is None or not isinstance(copied, cst.Attribute) or not isinstance(target, cst.Attribute):
        fact = context.fact(copied)
        if fact is not None and fact.only("module"):
            context.note(original, "left", f"Keras cannot copy layers; `{code_of(original)}` was kept.")
        return None
    renamed = context.port(made).visit(_Renamed(copied.attr.value, target.attr.value))
    assert isinstance(renamed, cst.BaseExpression)
    return renamed


def _made(context: Context, call: cst.Call, attribute: cst.BaseExpression) -> cst.BaseExpression | None:
    """What makes `self.heads`, if one assignment of the same function makes all of it."""
    function = context.source.enclosing(call)
    if function is None or not m.matches(attribute, m.Attribute(value=m.Name("self"))):
        return None
    assigned = [
        node.value
        for node in context.source.find(function.node, cst.Assign)
        if any(target.target.deep_equals(attribute) for target in node.targets)
    ]
    if len(assigned) != 1 or _grows(context, function.node, attribute):
        return None
    return assigned[0] if context.knowledge.makes_layer(context.source.find(assigned[0], cst.Call)) else None


def _grows(context: Context, function: cst.CSTNode, attribute: cst.BaseExpression) -> bool:
    """`self.heads.append(...)`, `self.heads += [...]`."""
    methods = (call.func for call in context.source.find(function, cst.Call))
    owners = (method.value for method in methods if isinstance(method, cst.Attribute))
    extended = (statement.target for statement in context.source.find(function, cst.AugAssign))
    return any(node.deep_equals(attribute) for node in (*owners, *extended))


class _Renamed(cst.CSTTransformer):
    """Names of layers that begin with one attribute begin with another."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        if not m.matches(updated_node, m.Arg(keyword=m.Name("name"))):
            return updated_node
        return updated_node.with_changes(value=updated_node.value.visit(_RenamedText(self.old, self.new)))


class _RenamedText(cst.CSTTransformer):
    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        return updated_node.with_changes(value=f'"{self._renamed(str(updated_node.evaluated_value))}"')

    def leave_FormattedStringText(
        self, original_node: cst.FormattedStringText, updated_node: cst.FormattedStringText
    ) -> cst.FormattedStringText:
        return updated_node.with_changes(value=self._renamed(updated_node.value))

    def _renamed(self, text: str) -> str:
        first, dot, rest = text.partition(".")
        return f"{self.new}{dot}{rest}" if first == self.old else text
