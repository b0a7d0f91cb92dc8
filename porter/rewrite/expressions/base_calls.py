"""What a constructor or a call hands to its base class."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.arguments import keyword
from porter.rewrite.expressions.constructors import CONTAINERS
from porter.rewrite.expressions.layer_shapes import (
    base_arguments,
    base_shape,
    bound,
    calls_torch,
    signature_of,
    spreads_options,
)
from porter.rewrite.reading.constructor import hands_on
from porter.rewrite.reading.source import LocalClass, LocalFunction
from porter.rulebook import CannotBind, Unknown, find_card
from porter.rulebook.template import translate


def port_base_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """The port of `super().__init__(...)` and of calls of a base by its name; None for every other call."""
    given = base_arguments(context, original)
    if given is None:
        return _base_forward(context, original, updated)
    local = context.source.classes.get(context.source.enclosing_class(original) or "")
    function = context.source.enclosing(original)
    if local is None or function is None or local.kind not in ("layer", "model"):
        return None
    if hands_on(function) and local.torch_base is not None:
        return updated
    ported = updated.args[len(updated.args) - len(given) :]
    name = function.keywords or "kwargs"
    arguments = [
        after.with_changes(comma=cst.MaybeSentinel.DEFAULT)
        for before, after in zip(given, ported, strict=True)
        if before.star != "**" or not m.matches(before.value, m.Name(name))
    ]
    if local.torch_base not in (None, *CONTAINERS) and calls_torch(context, original, local):
        options = _with_options(context, function, local, given, ported)
        torch_arguments = _torch_arguments(context, original, local, *options)
        arguments = [a for a in torch_arguments if a.star != "**"]
    rest = cst.Arg(cst.Name(name), star="**")
    if not any(before.star == "**" for before in given) and _has_options(context, function):
        rest = rest.with_changes(value=cst.parse_expression(f"layer_arguments({name})"))
    if m.matches(original.func, m.Attribute(value=m.Call())):
        return updated.with_changes(args=[*arguments, rest])
    if context.knowledge.constructors.passes_over_bases(local.name):
        base = "TFModule" if local.is_root else "keras.layers.Layer"
        arguments = [cst.Arg(cst.Name("self")), *arguments]
    else:
        base = "super()"
    return updated.with_changes(func=cst.parse_expression(f"{base}.__init__"), args=[*arguments, rest])


def _has_options(context: Context, constructor: LocalFunction) -> bool:
    """Whether a constructor reads its `**kwargs`, hands them on to others than its base, or just takes them."""
    if _is_given_more(context, constructor):
        return True
    for name in context.source.find(constructor.node.body, cst.Name):
        holder = context.source.parents.get(name)
        if name.value != constructor.keywords or (isinstance(holder, cst.Arg) and holder.keyword is name):
            continue
        if not isinstance(holder, cst.Arg) or holder.star != "**" or spreads_options(context, holder):
            return True
    return False


def _is_given_more(context: Context, constructor: LocalFunction) -> bool:
    """Whether a call of the class has keywords, `**options` among them, that only its `**kwargs` take."""
    if constructor.keywords is None:
        return False
    given = (a for call in context.source.calls.get(constructor.class_name or "", ()) for a in call.args)
    taken = {*constructor.parameters, "device", "dtype"}
    return any(
        spreads_options(context, a) if a.star == "**" else a.keyword is not None and a.keyword.value not in taken
        for a in given
    )


def _base_forward(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`nn.LayerNorm.forward(self, x)`: what `super().forward(x)` says elsewhere."""
    local = context.source.classes.get(context.source.enclosing_class(original) or "")
    if local is None or context.source.enclosing(original) is None or not original.args:
        return None
    names = {f"{base}.forward" for base in (local.torch_base, "torch.nn.Module") if base is not None}
    if context.source.canonical(original.func) not in names or not m.matches(original.args[0].value, m.Name("self")):
        return None
    return updated.with_changes(func=cst.parse_expression("super().call"), args=updated.args[1:])


def _with_options(
    context: Context, function: LocalFunction, local: LocalClass, given: Sequence[cst.Arg], ported: Sequence[cst.Arg]
) -> tuple[Sequence[cst.Arg], Sequence[cst.Arg]]:
    """What a layer of torch is given, original and ported; of `**kwargs` those that some call of the file names."""
    card = find_card(local.torch_base or "")
    handed = [argument for argument in given if argument.star == "**"]
    own = [argument for argument in handed if m.matches(argument.value, m.Name(function.keywords or ""))]
    if card is None or not own or len(handed) != len(own):
        return given, ported
    parameters = signature_of(card, local.torch_base or "").parameters
    written = {argument.keyword.value for argument in given if argument.keyword is not None}
    written |= {parameter.name for parameter, _ in zip(parameters, _positional(given), strict=False)}
    named = {a.keyword.value for a in context.source.find(context.source.tree, cst.Arg) if a.keyword is not None}
    taken = [p for p in parameters if p.name in named - written - {*function.parameters, "device", "dtype"}]
    popped = [keyword(p.name, f'{function.keywords}.pop("{p.name}", {p.default})') for p in taken]
    rest = [argument for argument in given if argument not in own]
    return [*rest, *popped], [after for before, after in zip(given, ported, strict=True) if before in rest] + popped


def _positional(given: Sequence[cst.Arg]) -> list[cst.Arg]:
    return [argument for argument in given if argument.keyword is None and not argument.star]


def _torch_arguments(
    context: Context, original: cst.Call, local: LocalClass, given: Sequence[cst.Arg], ported: Sequence[cst.Arg]
) -> list[cst.Arg]:
    base = local.torch_base or ""
    card = find_card(base)
    if card is None:
        hint = f"porter rules --stub {base}"
        context.note(original, "left", f"{base} has no layer card; its constructor was kept.", hint)
        return list(ported)
    try:
        layer = translate(card, bound(context, signature_of(card, base), given, ported))
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{base}: {error}; its constructor was kept.")
        return list(ported)
    if base_shape(context, local) is None:
        context.note(original, "left", f"the input shape of {local.name} cannot be read in build().")
    return list(cst.ensure_type(layer, cst.Call).args)
