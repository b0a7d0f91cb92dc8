"""The input shape of each layer that a constructor makes, and which of them `build` can give their shape."""

from __future__ import annotations

import re
from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.made import Made, made_by
from porter.rewrite.reading.scope import Rescoped
from porter.rewrite.reading.source import LocalClass
from porter.rulebook import Call, CannotBind, Card, Signature, Unknown, bind, find_card
from porter.rulebook.call import Arg, code_of
from porter.rulebook.template import fill

_ASKS_FOR_FIELD = m.Call(func=m.Name("getattr") | m.Name("hasattr"), args=[m.Arg(), m.Arg(), m.ZeroOrMore(m.Arg())])


def bound(
    context: Context, signature: Signature, given: Sequence[cst.Arg], ported: Sequence[cst.Arg] | None = None
) -> Call:
    """A layer's constructor call, its arguments bound to torch's signature.

    Raises:
        CannotBind: the signature does not take these arguments.
    """
    positional: list[Arg] = []
    keywords: dict[str, Arg] = {}
    values = [context.port(a.value) for a in given] if ported is None else [a.value for a in ported]
    for before, after in zip(given, values, strict=True):
        if spreads_options(context, before):
            raise CannotBind("a dictionary of arguments stands here")
        if before.star == "**":
            continue
        argument = context.arg(before.value, after, starred=before.star == "*")
        if before.keyword is None:
            positional.append(argument)
        elif before.keyword.value not in ("device", "dtype"):
            keywords[before.keyword.value] = argument
    if any(a.starred for a in positional) and not any(p.variadic for p in signature.parameters):
        raise CannotBind("starred arguments stand here")
    return Call(signature, bind(signature, positional, keywords), None)


def spreads_options(context: Context, argument: cst.Arg) -> bool:
    """Whether an argument is `**options`, unless runs have shown that it holds PyTorch's device and dtype alone."""
    if argument.star != "**":
        return False
    fact = context.fact(argument.value)
    if fact is None or fact.entries is None:
        return True
    return bool({key for key, _ in fact.entries} - {"device", "dtype"})


def signature_of(card: Card, name: str) -> Signature:
    """A card's signature of the layer class with this name."""
    return next(signature for signature in card.signatures if signature.name == name)


def card_for(context: Context, made: Made) -> tuple[Card, str] | None:
    """The card of a torch layer, or of the one that a class of the file is constructed as, and the layer's name."""
    name = sorted(made.callee.names)[0]
    if made.callee.name is None or name.startswith("local."):
        local = context.source.classes.get(name.removeprefix("local."))
        is_bare = local is not None and not context.knowledge.constructors.has_own(local.name)
        base = local.torch_base if local is not None and local.kind in ("model", "layer") else None
        name = base if base is not None and is_bare else ""
    card = find_card(name)
    return (card, name) if card is not None else None


def shape_in_build(context: Context, owner: str, attribute: str) -> Rescoped | None:
    """The shape that `build` gives the layer of an attribute: of the first layer whose shape can be read there.

    None where a constructor has to give it: another class replaces the layer, a constructor asks for its sizes, or
    the layer may be one that was handed in, and is built by who made it.
    """
    constructors = context.knowledge.constructors
    if constructors.replaces(owner, attribute) or attribute in constructors.asked:
        return None
    if constructors.of(owner).may_be_given(attribute):
        return None
    calls = constructors.of(owner).calls.get(attribute, ())
    shapes = (found for call in calls if (found := _rescoped_shape(context, owner, call)) is not None)
    found = next(shapes, None)
    return None if found is None or _may_be_missing(context, calls[0], found.code) else found


def _may_be_missing(context: Context, call: cst.Call, shape: str) -> bool:
    """Whether a shape names a field that the constructor is not sure to find: `getattr(config, "width", None)`."""
    function = context.source.enclosing(call)
    asked = context.source.find(function.node, cst.Call) if function is not None else []
    doubted = [each.args[1].value for each in asked if m.matches(each, _ASKS_FOR_FIELD)]
    fields = {str(name.evaluated_value) for name in doubted if isinstance(name, cst.SimpleString)}
    return bool(fields & set(re.findall(r"\bconfig\.(\w+)", shape)))


def is_built_later(context: Context, original: cst.Call, shape: str) -> bool:
    """Whether `build` gives the layer that a call makes its shape; else the constructor has to."""
    function, owner = context.source.enclosing(original), context.source.enclosing_class(original)
    kept = context.knowledge.constructors.kept(original)
    if kept is None or not kept.directly or owner is None or function is None or function.own_name != "__init__":
        return False
    if shape == "None":
        return True  # it needs none
    rescoped, planned = context.rescoper(owner).rescope(shape), shape_in_build(context, owner, kept.attribute)
    return rescoped is not None and planned is not None and rescoped.code == planned.code


def _rescoped_shape(context: Context, owner: str, call: cst.Call) -> Rescoped | None:
    made = made_by(context.knowledge, call)
    found = card_for(context, made) if made is not None else None
    if made is None or found is None or not found[0].build:
        return None
    card, name = found
    try:
        shape = code_of(fill(card.build, bound(context, signature_of(card, name), made.arguments)))
    except (Unknown, CannotBind):
        return None
    return context.rescoper(owner).rescope(shape)


def base_arguments(context: Context, call: cst.Call) -> tuple[cst.Arg, ...] | None:
    """What a call hands to the constructor of the class's base, without `self`; None for every other call."""
    if m.matches(call.func, m.Attribute(value=m.Call(func=m.Name("super")), attr=m.Name("__init__"))):
        return tuple(call.args)
    local = context.source.classes.get(context.source.enclosing_class(call) or "")
    name = context.source.canonical(call.func) or ""
    bases = (local.torch_base, "torch.nn.Module") if local is not None else ()
    if not call.args or not m.matches(call.args[0].value, m.Name("self")):
        return None
    return tuple(call.args[1:]) if name.removesuffix(".__init__") in bases and name.endswith(".__init__") else None


def calls_torch(context: Context, call: cst.Call, local: LocalClass) -> bool:
    """Whether the constructor of a layer of torch is called: by its name, or as that of the only base."""
    return len(local.lineage) == 1 or context.source.canonical(call.func) == f"{local.torch_base}.__init__"


def base_shape(context: Context, local: LocalClass) -> Rescoped | None:
    """The shape that `build` gives the torch layer that a class inherits from; None where there is none to give."""
    function = context.knowledge.constructors.of(local.name).function
    card = find_card(local.torch_base) if local.torch_base is not None else None
    if function is None or card is None or local.torch_base is None:
        return None
    for call in context.source.find(function.node, cst.Call):
        arguments = base_arguments(context, call)
        if arguments is None or not calls_torch(context, call, local):
            continue
        arguments = tuple(a for a in arguments if a.star != "**" or code_of(a.value) != function.keywords)
        try:
            torch_call = bound(context, signature_of(card, local.torch_base), arguments)
            shape = code_of(fill(card.build, torch_call)) if card.build else "None"
        except (Unknown, CannotBind):
            continue
        return context.rescoper(local.name).rescope(shape)
    return None
