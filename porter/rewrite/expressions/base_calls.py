"""What a constructor or a call hands to its base class."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.constructors import CONTAINERS, bind_constructor
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook import CannotBind, Unknown, find_card
from porter.rulebook.call import code_of
from porter.rulebook.template import fill, translate


def port_base_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """The port of `super().__init__(...)` and of calls of a base by its name; None for every other call."""
    function = context.source.enclosing(original)
    if m.matches(original.func, m.Attribute(value=m.Call(func=m.Name("super")), attr=m.Name("__init__"))):
        return _super_init(context, original, updated, function)
    return _of_base(context, original, updated, function)


def _of_base(
    context: Context, original: cst.Call, updated: cst.Call, function: LocalFunction | None
) -> cst.BaseExpression | None:
    """`nn.LayerNorm.__init__(self, ...)` and `nn.LayerNorm.forward(self, x)`: what `super()` stands for elsewhere."""
    local = context.source.classes.get(function.class_name or "") if function else None
    name = context.source.canonical(original.func) or ""
    owner, _, method = name.rpartition(".")
    bases = (local.torch_base, "torch.nn.Module") if local is not None else ()
    if owner not in bases or not original.args or not m.matches(original.args[0].value, m.Name("self")):
        return None
    arguments = updated.args[1:]
    call = updated.with_changes(func=cst.parse_expression("super().call"), args=arguments)
    if method == "forward":
        return call
    if method != "__init__":
        return None
    return _super_init(context, original, call.with_changes(func=cst.parse_expression("super().__init__")), function)


def _super_init(
    context: Context, original: cst.Call, updated: cst.Call, function: LocalFunction | None
) -> cst.BaseExpression | None:
    local = context.source.classes.get(function.class_name or "") if function else None
    if local is None or function is None or local.kind not in ("layer", "model"):
        return None
    name = function.keywords or "kwargs"
    rest = cst.Arg(cst.Name(name), star="**")
    arguments = [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in updated.args if a.star != "**"]
    if local.torch_base is not None and local.torch_base not in CONTAINERS and len(local.lineage) == 1:
        arguments = _torch_arguments(context, original, updated, local.name, local.torch_base)
    return updated.with_changes(args=[*arguments, rest])


def _torch_arguments(context: Context, original: cst.Call, updated: cst.Call, owner: str, base: str) -> list[cst.Arg]:
    card = find_card(base)
    if card is None:
        context.note(
            original, "left", f"{base} has no layer card; its constructor was kept.", f"porter rules --stub {base}"
        )
        return list(updated.args)
    try:
        signature = next(s for s in card.signatures if s.name == base)
        written = original.with_changes(args=original.args[len(original.args) - len(updated.args) :])  # without self
        call = bind_constructor(context, signature, written, updated)
        layer = translate(card, call)
        shape = code_of(fill(card.build, call)) if card.build else "None"
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{base}: {error}; its constructor was kept.")
        return list(updated.args)
    assert isinstance(layer, cst.Call)
    if not context.builds_later(owner, "super()", shape, original):
        context.note(original, "left", f"the input shape {shape} of {owner} cannot be read in build().")
    return list(layer.args)
