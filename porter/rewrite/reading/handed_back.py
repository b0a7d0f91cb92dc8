"""Functions that write into a tensor they are given, and do not return it: their ports hand it back behind the result.

In PyTorch `step(x, state)` may change `state` for its caller. A tensor of TensorFlow is a value, so that the port is
`y, state = step(x, state)`, as far as anybody sees the change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.calls_in_file import Flow, Site
from porter.rewrite.reading.liveness import names_set
from porter.rewrite.reading.shared_numbers import FunctionViews, consequences
from porter.rewrite.reading.source import LocalFunction, Source

Changed = Mapping[str, Set[str]]
"""Function -> its parameters whose tensors it writes into, directly or through what it calls."""

HandedBack = Mapping[str, tuple[str, ...]]
"""Function -> the parameters that its port returns behind the result, in order."""

_ONE_TARGET = m.Assign(targets=[m.DoNotCare()])
_NAMED = m.Assign(targets=[m.AssignTarget(target=m.Name())])
_UNSURE = (cst.Lambda, cst.IfExp, cst.BooleanOperation, cst.BaseComp, cst.NamedExpr)


@dataclass(frozen=True)
class _Passed:
    """What a call gives to a parameter that it writes into, by name; the statement is the call, or assigns it."""

    caller: str
    small: cst.BaseSmallStatement
    variable: str


def handed_back(functions: Sequence[FunctionViews], flow: Flow, changed: Changed) -> HandedBack:
    """The functions whose change of an argument a caller sees, and which can hand it back at each of their calls."""
    views = {function.local.name: function for function in functions}
    able = {name: given for name, function in views.items() if (given := _able(function, flow, changed)) is not None}
    seen: dict[str, set[str]] = {}
    while (grown := _seen(able, views, seen)) != seen:
        seen = grown
    return {name: tuple(p for p in views[name].local.parameters if p in found) for name, found in seen.items()}


Able = Mapping[str, tuple[_Passed, ...]]
"""Parameter -> what the calls of a function give to it."""


def _able(function: FunctionViews, flow: Flow, changed: Changed) -> Able | None:
    """The parameters that a function writes into without returning them, if it could hand them back."""
    local = function.local
    set_anew = {binding.name for binding in function.bindings.every}
    parameters = [name for name in local.parameters if name in changed[local.name] and name not in set_anew]
    sites = [site for site in flow.sites.values() if local in site.callees]
    if not parameters or local.own_name in ("forward", "__init__") or not _returns_plainly(function):
        return None
    if not sites or not all(_is_statement(function, site) for site in sites) or _is_value(function):
        return None
    if imports_of(function.knowledge.source.subject.file, local.own_name):
        return None
    return {name: tuple(_passed(function, sites, name)) for name in parameters}


def imports_of(file: Path, name: str) -> list[Path]:
    """The files beside a file that import it and know one of its functions: their calls are ported on their own."""
    exported = re.search(r"^__all__ =[^\]]*\]", file.read_text(encoding="utf-8"), re.MULTILINE)
    starred = exported is None or f'"{name}"' in exported.group()
    imported = re.compile(rf"^\s*(from|import)\s+[\w.]*\b{re.escape(file.stem)}\b", re.MULTILINE)
    named = re.compile(rf"\b{re.escape(name)}\b" + (r"|import \*" if starred else ""))
    texts = {other: other.read_text(encoding="utf-8") for other in sorted(file.parent.glob("*.py")) if other != file}
    return [other for other, text in texts.items() if imported.search(text) and named.search(text)]


def _returns_plainly(function: FunctionViews) -> bool:
    """Whether it returns a value everywhere or nowhere, and is not a generator."""
    source, body = function.knowledge.source, function.local.node.body
    values = {node.value is not None for node in source.find(body, cst.Return)}
    return len(values) < 2 and not source.find(body, cst.FunctionDef, cst.Lambda, cst.Yield)


def _is_statement(function: FunctionViews, site: Site) -> bool:
    """Whether a call can reach this function alone, and is a statement or what one assigns."""
    small = function.knowledge.source.parents[site.node]
    plain = isinstance(small, cst.Expr) or m.matches(small, _ONE_TARGET)
    plain = plain or statement_around(function.knowledge.source, site.node) is not None
    return len(site.callees) == 1 and plain and not any(argument.star == "*" for argument in site.node.args)


def statement_around(source: Source, call: cst.Call) -> cst.Assign | None:
    """`y` of `y = f(x).unsqueeze(0)`: the statement that always makes the call, whose variable can hold its result.

    None where the call is a statement itself, may be left out or repeated, or the variable is read beside it.
    """
    above = list(source.ancestors(call))
    at = next((place for place, node in enumerate(above) if isinstance(node, cst.BaseSmallStatement)), 0)
    if not at or any(isinstance(node, _UNSURE) for node in above[:at]) or not m.matches(above[at], _NAMED):
        return None
    assign = cst.ensure_type(above[at], cst.Assign)
    name = cst.ensure_type(assign.targets[0].target, cst.Name).value
    inside = source.find(call, cst.Name)
    beside = [node for node in source.find(assign.value, cst.Name) if not any(node is each for each in inside)]
    return None if any(node.value == name for node in beside) else assign


def _is_value(function: FunctionViews) -> bool:
    """Whether the function is named other than to be called, or in a decorator, which says where kernels are."""
    source, name = function.knowledge.source, function.local.own_name
    nodes = [node for node in source.find(source.tree, cst.Name) if node.value == name]
    return any(_stands_for_value(source, node) for node in nodes)


def _stands_for_value(source: Source, node: cst.Name) -> bool:
    above = list(source.ancestors(node))
    if any(isinstance(each, cst.Decorator) for each in above):
        return False
    if isinstance(above[0], cst.Attribute):
        return above[0].attr is node and not isinstance(above[1], cst.Call)
    is_keyword = isinstance(above[0], cst.Arg) and above[0].keyword is node
    return isinstance(above[0], (cst.Arg, cst.Assign, cst.Element, cst.DictElement, cst.IfExp)) and not is_keyword


def _passed(function: FunctionViews, sites: Iterable[Site], parameter: str) -> Iterator[_Passed]:
    for site in sites:
        source = function.knowledge.source
        small = statement_around(source, site.node) or source.parents[site.node]
        value = _argument(function.local, site, parameter)
        if isinstance(value, cst.Name) and isinstance(small, cst.BaseSmallStatement):
            yield _Passed(site.caller.name, small, value.value)


def _seen(able: Mapping[str, Able], views: Mapping[str, FunctionViews], before: Changed) -> dict[str, set[str]]:
    """The parameters whose change somebody sees: a caller, or who called one that hands it back in its turn."""
    found: dict[str, set[str]] = {}
    for name, given in able.items():
        for parameter, calls in given.items():
            if any(_sees(views[one.caller], one, before) for one in calls):
                found.setdefault(name, set()).add(parameter)
    return found


def _sees(caller: FunctionViews, one: _Passed, before: Changed) -> bool:
    """Whether what was passed is read again behind the call, or shared with something that is.

    Behind `x = f(x)` it is the result that is read.
    """
    if one.variable in names_set(caller.knowledge.source, one.small):
        return False
    if one.variable in before.get(one.caller, ()) or caller.live(one.variable, one.small):
        return True
    found = consequences(caller, one.small, one.variable)
    return bool(found.following or found.remarks)


def taking(handed: HandedBack, site: Site, set_by_result: Iterable[str]) -> tuple[str, ...]:
    """The variables that take what a call hands back; `_` for what has no name, or the name of the result."""
    callee = site.callees[0] if len(site.callees) == 1 else None
    if callee is None:
        return ()
    given = (_argument(callee, site, parameter) for parameter in handed.get(callee.name, ()))
    without = {"None", *set_by_result}
    names = (value.value if isinstance(value, cst.Name) and value.value not in without else "_" for value in given)
    return tuple(names)


def _argument(callee: LocalFunction, site: Site, parameter: str) -> cst.BaseExpression | None:
    """What a call gives to a parameter; None where it has its default."""
    positional: list[cst.BaseExpression] = []
    for argument in site.node.args:
        if argument.keyword is not None and argument.keyword.value == parameter:
            return argument.value
        if argument.keyword is None and not argument.star:
            positional.append(argument.value)
    at = callee.parameters.index(parameter)
    return positional[at] if at < len(positional) else None
