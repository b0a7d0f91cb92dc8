"""Arguments of calls between the file's own functions and layers: keywords, `**kwargs` and `training`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.calls_in_file import Site
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook import find_card
from porter.rulebook.call import code_of
from porter.runtime.layers.reserved import port_parameter

_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


def ported_parameter(function: LocalFunction, name: str) -> str:
    """The parameter's name in the port: Keras fills a `call` argument named `mask` by itself, so it is renamed."""
    return port_parameter(name, function.parameters) if function.own_name == "forward" else name


def keyword(name: str, value: cst.BaseExpression | str) -> cst.Arg:
    """The argument `name=value`."""
    node = cst.parse_expression(value) if isinstance(value, str) else value
    return cst.Arg(node, keyword=cst.Name(name), equal=_EQUAL)


def local_arguments(context: Context, site: Site, updated: cst.Call, is_layer: bool) -> Sequence[cst.Arg]:
    """The arguments of a call that reaches functions of the file.

    A Keras layer takes nothing but tensors by position, so the rest goes by keyword; `**kwargs` becomes what it
    really carries; an argument that no possible callee takes is left out; `training` is passed on.
    """
    arguments = list(_rewritten(context, site, updated, is_layer))
    taken = {argument.keyword.value for argument in arguments if argument.keyword}
    if site.forwards_keywords:
        positional = sum(1 for argument in site.node.args if not argument.keyword and not argument.star)
        forwarded = [key for key in _forwarded(context, site, positional) if key not in taken]
        always = [key for key in forwarded if not is_layer or _all_take(context, site, key)]
        arguments += [_handed_on(site, key) for key in always]
        arguments += _where_taken(site, updated, [key for key in forwarded if key not in always])
    wants_training = "training" in site.nested or any(c.name in context.flow.training for c in site.callees)
    if wants_training and "training" not in taken and context.trains(site.caller) and not site.hands_on_all:
        arguments.append(keyword("training", "training"))
    if arguments and site.node.args[-1].comma is cst.MaybeSentinel.DEFAULT:
        arguments[-1] = arguments[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return arguments


def _handed_on(site: Site, key: str) -> cst.Arg:
    return keyword(_ported_name(site, key), ported_parameter(site.caller, key))


def _all_take(context: Context, site: Site, key: str) -> bool:
    """Whether every layer that may be called here takes the keyword."""
    names = site.callee.names if site.callee is not None else ()
    if not all(name.startswith("local.") or name in context.knowledge.nested for name in names):
        return False
    return all(key in context.flow.parameters(callee) or _keeps_any(callee) for callee in site.callees)


def _where_taken(site: Site, updated: cst.Call, keys: Sequence[str]) -> Iterator[cst.Arg]:
    """Keywords that some of the layers that may be called here do not take; PyTorch passes none that is not given."""
    if keys:
        given = ", ".join(f'"{_ported_name(site, key)}": {ported_parameter(site.caller, key)}' for key in keys)
        yield cst.Arg(cst.parse_expression(f"taken_by({code_of(updated.func)}, {{{given}}})"), star="**")


def _rewritten(context: Context, site: Site, updated: cst.Call, is_layer: bool) -> Iterator[cst.Arg]:
    by_keyword = False
    for position, (original, argument) in enumerate(zip(site.node.args, updated.args, strict=True)):
        if argument.star:
            if is_layer and _is_kept_dictionary(site, original):
                taken = f"taken_by({code_of(updated.func)}, {code_of(original.value)})"
                yield argument.with_changes(value=cst.parse_expression(taken))
            elif not m.matches(original.value, m.Name(site.caller.keywords or "")):
                yield _by_name(context, site, position, argument) if is_layer else argument
            continue
        if argument.keyword is not None:
            name = argument.keyword.value
            if _is_taken(context, site, name):
                yield argument.with_changes(keyword=cst.Name(_ported_name(site, name)))
            continue
        if site.callees and all(_names_device(callee, position) for callee in site.callees):
            continue
        fits = _fits_position(context, original.value) or (position == 0 and _may_be_of_torch(context, site))
        by_keyword = by_keyword or (is_layer and not fits)
        parameter = _parameter_at(site, position) if by_keyword else None
        yield argument.with_changes(keyword=cst.Name(parameter), equal=_EQUAL) if parameter else argument


def _is_kept_dictionary(site: Site, argument: cst.Arg) -> bool:
    """Whether it is the caller's own `**kwargs`, kept as a dictionary, for layers that have none."""
    caller = site.caller.node.params.star_kwarg
    is_own = caller is not None and argument.star == "**" and m.matches(argument.value, m.Name(caller.name.value))
    takes_all = any(c.node.params.star_kwarg is not None and c.keywords is None for c in site.callees)
    return is_own and site.caller.keywords is None and bool(site.callees) and not takes_all


def _by_name(context: Context, site: Site, position: int, argument: cst.Arg) -> cst.Arg:
    """`*sizes` of a call of a layer, which takes nothing but tensors by position, with the parameters' names."""
    fact = context.fact(site.node.args[position].value)
    if argument.star != "*" or fact is None or fact.items is None or any(i.is_tensor for i in fact.items):
        return argument
    names = [_parameter_at(site, position + at) for at in range(len(fact.items))]
    if None in names or not names:
        return argument
    quoted = ", ".join(f'"{name}"' for name in names)
    value = cst.parse_expression(f"dict(zip(({quoted},), {code_of(argument.value)}, strict=True))")
    return argument.with_changes(star="**", value=value)


def _fits_position(context: Context, node: cst.BaseExpression) -> bool:
    """Whether Keras accepts the value as a positional argument: a tensor, or None."""
    if isinstance(node, cst.Name) and node.value == "None":
        return True
    fact = context.fact(node)
    if fact is None:
        return True
    if fact.only("tuple", "list") and fact.items is not None:
        return all(item.is_tensor for item in fact.items)
    return fact.kinds <= {"tensor", "none"}


def _may_be_of_torch(context: Context, site: Site) -> bool:
    """Whether a layer of torch may stand there, such as an Identity, whose input has another name.

    It was seen, or the attribute that is called is set to one somewhere.
    """
    if site.callee is not None and any(find_card(name) is not None for name in site.callee.names):
        return True
    owner = context.source.enclosing_class(site.node)
    if owner is None or not m.matches(site.node.func, m.Attribute(value=m.Name("self"))):
        return False
    attribute = cst.ensure_type(site.node.func, cst.Attribute).attr.value
    stored = (store for store in context.knowledge.constructors.stored_anywhere(owner) if store.attribute == attribute)
    made = [call for store in stored for call in m.findall(store.value, m.Call())]
    return any(find_card(context.source.canonical(cst.ensure_type(call, cst.Call).func) or "") for call in made)


def _names_device(callee: LocalFunction, position: int) -> bool:
    return position < len(callee.parameters) and callee.parameters[position] == "device"


def _parameter_at(site: Site, position: int) -> str | None:
    names = {callee.parameters[position] for callee in site.callees if position < len(callee.parameters)}
    names |= set(site.nested[position : position + 1])
    return _ported_name(site, names.pop()) if len(names) == 1 else None


def _ported_name(site: Site, name: str) -> str:
    owner = next((callee for callee in site.callees if name in callee.parameters), next(iter(site.callees), None))
    return ported_parameter(owner, name) if owner is not None else _of_other_file(site, name) or name


def _of_other_file(site: Site, name: str) -> str | None:
    """The name that a parameter has in the port of a class of another file; None where that takes none such."""
    return next((each for each in (name, port_parameter(name, ())) if each in site.nested), None)


def _is_taken(context: Context, site: Site, name: str) -> bool:
    """Whether some callee takes the keyword; without callees in the file everything is kept."""
    if name == "device" and site.callees:
        return False
    if not site.callees:
        return not site.nested or _of_other_file(site, name) is not None
    if name == "return_dict":
        forwards = [callee for callee in site.callees if callee.own_name == "forward"]
        classes = [context.source.classes.get(callee.class_name or "") for callee in forwards]
        public = any(local is not None and local.kind == "model" for local in classes)
        return public or any(name in callee.parameters for callee in site.callees)
    return any(name in context.flow.parameters(callee) or _keeps_any(callee) for callee in site.callees)


def _keeps_any(callee: LocalFunction) -> bool:
    """Whether the ported function still has its `**kwargs`, because it does more with them than to pass them on."""
    return callee.node.params.star_kwarg is not None and callee.keywords is None


def _forwarded(context: Context, site: Site, positional: int) -> Iterator[str]:
    """The caller's replaced keywords that this call hands on."""
    available = context.flow.added.get(site.caller.name, ())
    for key in available:
        if key in site.explicit:
            continue
        takers: list[object] = [key] if key in site.nested[positional:] else []
        takers += [c for c in site.callees if key in (*c.parameters[positional:], *context.flow.added.get(c.name, ()))]
        if takers:
            yield key
