"""Layers whose input's last axis a graph does not know, because it was shaped with `-1` there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.calls_in_file import Site
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of

_SHAPES = m.Call(func=m.Attribute(attr=m.Name("view") | m.Name("reshape")))
_KEEPS = m.Call(func=m.Attribute(attr=m.OneOf(*map(m.Name, ("contiguous", "to", "float", "clone", "type_as")))))
_CALLS = 2  # how many calls lie between the shape and the layer at most


def has_open_axis(knowledge: Knowledge, sites: Iterable[Site], owner: str, attribute: str) -> bool:
    """Whether a method of a class gives the layer of an attribute something whose last size is `-1`."""
    called = m.Call(func=m.Attribute(value=m.Name("self"), attr=m.Name(attribute)), args=[m.AtLeastN(m.Arg(), n=1)])
    known = tuple(sites)
    return any(
        _is_open(knowledge, known, site.caller, site.node.args[0].value, _CALLS)
        for site in known
        if site.caller.class_name == owner and m.matches(site.node, called)
    )


def _is_open(
    knowledge: Knowledge, sites: tuple[Site, ...], function: LocalFunction, value: cst.BaseExpression, calls: int
) -> bool:
    value = _kept(value)
    if m.matches(value, _SHAPES):
        return _ends_open(cst.ensure_type(value, cst.Call))
    if not isinstance(value, cst.Name):
        return False
    assigned = [_kept(each) for each in knowledge.assigned_values(function, value.value)]
    if any(m.matches(each, _SHAPES) and _ends_open(cst.ensure_type(each, cst.Call)) for each in assigned):
        return True
    if not calls or value.value not in function.parameters:
        return False
    return any(
        _is_open(knowledge, sites, site.caller, given, calls - 1)
        for site in sites
        if function in site.callees
        for given in _given(site, function, value.value)
    )


def _kept(value: cst.BaseExpression) -> cst.BaseExpression:
    """What a chain of methods that keep the shape is called of: `x` of `x.to(device).contiguous()`."""
    while m.matches(value, _KEEPS):
        value = cst.ensure_type(cst.ensure_type(value, cst.Call).func, cst.Attribute).value
    return value


def _ends_open(call: cst.Call) -> bool:
    """`x.view(batch, -1)`, `x.reshape((*shape, -1))`."""
    last = call.args[-1].value if call.args else None
    if isinstance(last, (cst.Tuple, cst.List)) and last.elements:
        last = last.elements[-1].value
    return last is not None and code_of(last) == "-1"


def _given(site: Site, function: LocalFunction, parameter: str) -> Iterator[cst.BaseExpression]:
    """What a call gives for a parameter."""
    place = function.parameters.index(parameter)
    for at, argument in enumerate(site.node.args):
        if not argument.star and (argument.keyword.value == parameter if argument.keyword else at == place):
            yield argument.value
