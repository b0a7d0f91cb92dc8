"""Layer classes of torch that are values: given as defaults and arguments, with some of their own by `partial`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.layer_shapes import spreads_options
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.made import Made
from porter.rewrite.reading.source import Source
from porter.rulebook import Call, CannotBind, Unknown, bind, find_card
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
    rest = [each.name for each in signature.parameters[len(first) :] if each.default is None and not each.variadic]
    needed = [each for each in rest if each not in keywords]
    try:
        positional = [*first, *(context.arg(cst.Name(each), cst.Name(each)) for each in needed)]
        call = Call(signature, bind(signature, positional, keywords), None)
        layer = translate(card, call)
        made = f"built({code_of(layer)}, {code_of(fill(card.build, call))})" if card.build else code_of(layer)
    except (Unknown, CannotBind):
        return None
    return cst.parse_expression(f"lambda {', '.join(needed)}: {made}".replace("lambda :", "lambda:"))


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


def calls_value(knowledge: Knowledge, call: cst.Call) -> bool:
    """Whether a call is of a variable that has held a layer class together with some of its arguments."""
    if knowledge.source.canonical(call.func) is not None:
        return False
    fact = knowledge.traced(call.func)
    seen = fact is not None and "function" in fact.kinds and bool(fact.names & _given_in_part(knowledge.source))
    return seen and fact is not None and all(find_card(name) is not None for name in fact.names)


def is_value(knowledge: Knowledge, node: cst.BaseExpression, name: str) -> bool:
    """Whether a layer class that stands here is to be called as those are that stand in a `partial`."""
    if not _given_in_part(knowledge.source):
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
