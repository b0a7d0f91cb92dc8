"""Layer classes of torch that are values: given as defaults and arguments, with some of their own by `partial`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.layer_shapes import spreads_options
from porter.rewrite.reading.given_classes import GivenClasses
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.made import Made
from porter.rewrite.reading.source import Source
from porter.rulebook import Arg, Call, CannotBind, Signature, Unknown, bind, find_card
from porter.rulebook.call import code_of
from porter.rulebook.template import fill, translate


def partial_class(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`partial(nn.LayerNorm, eps=1e-6)` as a function that makes the layer out of its other arguments."""
    if not is_partial(original):
        return None
    name = context.source.canonical(original.args[0].value) or ""
    if find_card(name) is None:
        return None
    made = class_value(context, name, original.args[1:], updated.args[1:])
    if made is None:
        hint = f"porter rules {name}"
        context.note(original, "left", f"{name}: its card needs to know how it is called; it was kept.", hint)
    return made or updated


def class_value(
    context: Context, name: str, given: Sequence[cst.Arg] = (), ported: Sequence[cst.Arg] = ()
) -> cst.BaseExpression | None:
    """A `lambda` of the arguments a torch layer needs besides those given; None where its card must know them."""
    card = find_card(name)
    if card is None or any(argument.star for argument in given):
        return None
    signature = next(each for each in card.signatures if each.name == name)
    pairs = list(zip(given, ported, strict=True))
    keywords = {a.keyword.value: context.arg(a.value, b.value) for a, b in pairs if a.keyword is not None}
    first = [context.arg(a.value, b.value) for a, b in pairs if a.keyword is None]
    taken = _taken(context.knowledge.given, signature, len(first), keywords)
    try:
        named = {each: context.arg(cst.Name(each), cst.Name(each)) for each in taken}
        call = Call(signature, bind(signature, first, {**keywords, **named}), None)
        layer = translate(card, call)
        made = f"built({code_of(layer)}, {code_of(fill(card.build, call))})" if card.build else code_of(layer)
    except (Unknown, CannotBind):
        return None
    return _maker(taken, made)


def _taken(
    given: GivenClasses, signature: Signature, first: int, keywords: Mapping[str, Arg]
) -> dict[str, str | None]:
    """The parameters that such a function needs, or is called with somewhere, and their defaults."""
    places, named = given.positional(signature.name), given.keywords(signature.name) - {"device", "dtype"}
    every = given.spreads(signature.name)
    rest = [each for each in signature.parameters[first:] if not each.variadic]
    open_places = [each.name for each in rest if each.name not in keywords][:places]
    taken: dict[str, str | None] = {}
    for each in rest:
        own = keywords.get(each.name)
        if every or each.name in named:
            taken[each.name] = each.default if own is None else own.node_code
        elif own is None and (each.default is None or each.name in open_places):
            taken[each.name] = each.default
    return taken


def _maker(taken: Mapping[str, str | None], made: str) -> cst.BaseExpression:
    """The function of these parameters that makes a layer: a `lambda`, or the class where that says all."""
    if not taken and made.endswith("()"):
        return cst.parse_expression(made.removesuffix("()"))
    parameters = ", ".join(name if default is None else f"{name}={default}" for name, default in taken.items())
    return cst.parse_expression(f"lambda {parameters}: {made}" if parameters else f"lambda: {made}")


def called_value(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`norm_layer(dim)`: the call of whatever class was given; None for other calls, and where a card must know it."""
    given = context.knowledge.given
    if original not in given.calls:
        return None
    torch_names = [name for name in given.names(original) if find_card(name) is not None]
    if any(class_value(context, name) is None for name in torch_names):
        return None
    arguments = [
        after
        for before, after in zip(original.args, updated.args, strict=True)
        if not _says_where(before) and (before.star != "**" or spreads_options(context, before))
    ]
    return updated.with_changes(args=arguments)


def _says_where(argument: cst.Arg) -> bool:
    """Whether an argument is PyTorch's device or dtype, which layers of a port do not take."""
    return argument.keyword is not None and argument.keyword.value in ("device", "dtype")


def spread_call(context: Context, made: Made, updated: cst.Call, name: str) -> cst.BaseExpression | None:
    """`nn.Linear(*sizes, **options)`: a `lambda` of all parameters takes what only the constructor knows when it runs.

    None where no argument is spread, or the layer's card must know the arguments.
    """
    if not any(argument.star == "*" or spreads_options(context, argument) for argument in made.arguments):
        return None
    card = find_card(name)
    signature = next((each for each in card.signatures if each.name == name), None) if card is not None else None
    if card is None or signature is None or any(parameter.variadic for parameter in signature.parameters):
        return None
    names = [parameter.name for parameter in signature.parameters]
    arguments = {each: context.arg(cst.Name(each), cst.Name(each)) for each in names}
    try:
        call = Call(signature, bind(signature, [], arguments), None)
        layer = translate(card, call)
        layer_code = f"built({code_of(layer)}, {code_of(fill(card.build, call))})" if card.build else code_of(layer)
    except (Unknown, CannotBind):
        return None
    parameters = [f"{each.name}={each.default}" if each.default else each.name for each in signature.parameters]
    parameters += [f"{each}=None" for each in ("device", "dtype") if each not in names]
    function = cst.parse_expression(f"(lambda {', '.join(parameters)}: {layer_code})")
    return updated.with_changes(func=function)


def is_partial(node: cst.CSTNode) -> bool:
    """Whether a call is `partial(...)` or `functools.partial(...)` of something."""
    named = m.Name("partial") | m.Attribute(value=m.Name("functools"), attr=m.Name("partial"))
    return isinstance(node, cst.Call) and bool(node.args) and m.matches(node.func, named)


def is_value(knowledge: Knowledge, node: cst.BaseExpression, name: str) -> bool:
    """Whether a layer class that stands here is to be called as those are that stand in a `partial`."""
    if not _given_in_part(knowledge.source) and not knowledge.given.calls:
        return False
    ancestors = list(knowledge.source.ancestors(node))
    asks = m.Call(func=m.Name("isinstance") | m.Name("issubclass") | m.Name("type"))
    within = (cst.Comparison, cst.Annotation, cst.ClassDef)
    block = next((i for i, each in enumerate(ancestors) if isinstance(each, cst.BaseStatement)), len(ancestors))
    return not any(isinstance(each, within) or m.matches(each, asks) for each in ancestors[:block]) and (
        find_card(name) is not None
    )


def _given_in_part(source: Source) -> frozenset[str]:
    """The layer classes that the file gives some of their arguments by `partial`."""
    calls = (call for call in source.calls.get("partial", ()) if is_partial(call))
    names = {source.canonical(call.args[0].value) or "" for call in calls}
    return frozenset(name for name in names if find_card(name) is not None)
