"""Writes that reach further than the name that is written to, found before anything is written.

In PyTorch `first = x[:, 0]; first += 1` changes x. A tensor of TensorFlow is a value: x is made anew behind the write.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.calls_in_file import Flow, Site
from porter.rewrite.reading.handed_back import Changed, HandedBack, handed_back, taking
from porter.rewrite.reading.in_place_calls import first_writer, written_at_root, written_by
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.liveness import names_set, reads
from porter.rewrite.reading.shared_numbers import (
    Consequences,
    FirstOf,
    FunctionViews,
    Stored,
    TakenAgain,
    consequences,
    held_elsewhere,
)
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rewrite.reading.views_in_file import Origin, origin_of
from porter.rewrite.reading.writes import written_place, written_root
from porter.rulebook.results import Remark


@dataclass(frozen=True)
class Aliases:
    """What follows the statements whose writes reach further, and what the file's functions hand back."""

    following: Mapping[cst.CSTNode, Consequences]
    handed: HandedBack


def find_aliases(knowledge: Knowledge, flow: Flow) -> Aliases:
    """The consequences of all writes of the file that reach further than the name that is written to."""
    functions = [FunctionViews(knowledge, function) for function in knowledge.source.functions.values()]
    changed = _changed_parameters(functions, flow)
    not_returned = {one.local.name: _not_returned(one, changed[one.local.name]) for one in functions}
    handed = handed_back(functions, flow, not_returned)
    found: dict[cst.CSTNode, Consequences] = {}
    for function in (replace(one, handed=handed.get(one.local.name, ())) for one in functions):
        for small in function.statements:
            consequences = (
                _of_write(function, small)
                or _of_inner_writes(function, small)
                or _of_first_layers(function, small)
                or _of_calls(function, small, flow, changed, handed)
            )
            if consequences is not None:
                found[small] = consequences
    return Aliases(found, handed)


def _not_returned(function: FunctionViews, changed: Iterable[str]) -> frozenset[str]:
    return frozenset(name for name in changed if not _returns(function.knowledge, function.local, name))


def _of_write(function: FunctionViews, small: cst.BaseSmallStatement) -> Consequences | None:
    root = written_root(function.knowledge, small)
    if root is None:
        return None
    if root.name is None:
        remarks = tuple(held_elsewhere(function, small, root.text))
        return Consequences(remarks=remarks) if remarks else None
    if _is_of_outer(function, small, root.name):
        return Consequences(remarks=(_inside(root.name),))
    found = consequences(function, small, root.name)
    if isinstance(small, cst.Assign) and isinstance(small.targets[0].target, cst.Name):
        found = replace(found, following=(*_given_back(function, small, root.name, found), *found.following))
    return found if found.following or found.remarks else None


def _given_back(
    function: FunctionViews, small: cst.Assign, root: str, found: Consequences
) -> Iterator[Stored | TakenAgain]:
    """What follows `y = x.add_(1)`: x, or what x is a view of, has the numbers of y."""
    target = cst.ensure_type(small.targets[0].target, cst.Name)
    place = written_place(function.knowledge, small)
    if place is None or target.value == root or not (function.live(root, small) or found.following):
        return
    yield TakenAgain(target, place) if isinstance(place, cst.Name) else Stored(place, target.value)


def _is_of_outer(function: FunctionViews, small: cst.BaseSmallStatement, name: str) -> bool:
    """Whether a statement of a function within the function writes into what was not made there."""
    source = function.knowledge.source
    inner = next((node for node in source.ancestors(small) if isinstance(node, cst.FunctionDef)), None)
    return inner is not None and inner is not function.local.node and name not in names_set(source, inner.body)


def _inside(name: str) -> Remark:
    message = f"PyTorch writes into `{name}` inside an expression or an inner function here; the port does not."
    return Remark(message, "left", "write it as a statement of its own in the PyTorch file")


def _of_inner_writes(function: FunctionViews, small: cst.BaseSmallStatement) -> Consequences | None:
    """What follows `torch.relu(x.add_(1))`: x is read again, and the port's expression has not changed it."""
    source, knowledge = function.knowledge.source, function.knowledge
    followed = small.value if isinstance(small, (cst.Expr, cst.Assign)) else None
    for call in source.find(small, cst.Call):
        place = written_by(knowledge, call)
        around = [call, *source.ancestors(call)]
        whole = followed is not None and written_at_root(knowledge, followed) is written_at_root(knowledge, call)
        origin = origin_of(knowledge, place) if place is not None and not whole else None
        if origin is None or origin.name is None:
            continue
        kinds = (cst.Lambda, cst.BaseComp) if isinstance(small, cst.Expr) else (cst.Lambda,)
        thrown_away = any(isinstance(node, kinds) for node in around)
        beside = _reads_beside(function, small, call, origin.name)
        behind = origin.name not in names_set(source, small) and _matters(function, small, origin.name)
        if thrown_away or beside or behind:
            return Consequences(remarks=(_inside(origin.name),))
    return None


_SAME_AGAIN = frozenset({"torch.nn.ReLU", "torch.nn.ReLU6", "torch.nn.Hardtanh"})  # of their own result


def _of_first_layers(function: FunctionViews, small: cst.BaseSmallStatement) -> Consequences | None:
    """What `x + self.layers(x)` asks for where the first layer writes into x: it is called before, on its own.

    Called once more inside, it changes nothing. Of other layers than such, the port says that it does not follow them.
    """
    source, knowledge = function.knowledge.source, function.knowledge
    for call in source.find(small, cst.Call):
        made = first_writer(knowledge, call)
        origin = origin_of(knowledge, call.args[0].value) if made is not None else None
        if made is None or origin is None or origin.name is None:
            continue
        beside = _reads_beside(function, small, call, origin.name)
        behind = origin.name not in names_set(source, small) and _matters(function, small, origin.name)
        if not beside and not behind:
            continue
        plain = isinstance(call.args[0].value, cst.Name) and _are_operands(function, small, call, origin.name)
        if plain and source.canonical(made.func) in _SAME_AGAIN:
            found = consequences(function, small, origin.name)
            return replace(found, first=FirstOf(call.func, origin.name))
        return Consequences(remarks=(_inside(origin.name),))
    return None


def _are_operands(function: FunctionViews, small: cst.BaseSmallStatement, call: cst.Call, name: str) -> bool:
    """Whether all that reads a variable beside a call takes it as it is: what joins it with the call comes later."""
    source = function.knowledge.source
    inside, around = source.find(call, cst.Name), list(source.ancestors(call))
    named = (node for node in reads(source, small) if node.value == name)
    holders = [_holder(source, node) for node in named if not any(node is each for each in inside)]
    return all(any(holder is outer for outer in around) for holder in holders)


def _holder(source: Source, node: cst.CSTNode) -> cst.CSTNode:
    """The operation, call or tuple that a value is part of."""
    return next(each for each in source.ancestors(node) if not isinstance(each, (cst.Arg, cst.Element)))


def _changed_parameters(functions: list[FunctionViews], flow: Flow) -> Changed:
    """Function -> its parameters whose tensors it writes into, directly or through what it calls."""
    found = {function.local.name: frozenset(_written_parameters(function)) for function in functions}
    grew = True
    while grew:
        grew = False
        for function in functions:
            passed = {
                name
                for site in flow.sites.values()
                if site.caller is function.local
                for name in _passed_on(function, site, found)
            }
            new = found[function.local.name] | passed
            grew = grew or new != found[function.local.name]
            found[function.local.name] = new
    return found


def _roots(function: FunctionViews, small: cst.BaseSmallStatement) -> Iterator[Origin | None]:
    """What a statement writes into, as a whole or, where a run came by, in a part of it."""
    yield written_root(function.knowledge, small)
    for call in function.knowledge.source.find(small, cst.Call):
        place = written_by(function.knowledge, call) if function.knowledge.traced(call) is not None else None
        place = call.args[0].value if place is None and first_writer(function.knowledge, call) is not None else place
        yield origin_of(function.knowledge, place) if place is not None else None


def _written_parameters(function: FunctionViews) -> Iterator[str]:
    for small, root in ((one, root) for one in function.statements for root in _roots(function, one)):
        if root is None or root.name is None:
            continue
        name, at = root.name, small
        for _ in function.names:
            found = function.origin(name, at)
            if found is None or found[1].name is None:
                break
            name = found[1].name
        binding = function.bindings.reaching(name, at)
        if binding is not None and binding.statement is None:
            yield name


def _passed_on(function: FunctionViews, site: Site, changed: Changed) -> Iterator[str]:
    for name, _ in _arguments_changed(function, site, changed):
        binding = function.bindings.reaching(name, site.node)
        if binding is not None and binding.statement is None:
            yield name


def _arguments_changed(function: FunctionViews, site: Site, changed: Changed) -> Iterator[tuple[str, str]]:
    """The caller's variable and the parameter of each argument that a callee writes into."""
    for callee in site.callees:
        parameters = changed.get(callee.name, frozenset())
        for at, argument in enumerate(site.node.args):
            if argument.star:
                break
            positional = callee.parameters[at] if at < len(callee.parameters) else ""
            parameter = argument.keyword.value if argument.keyword is not None else positional
            origin = origin_of(function.knowledge, argument.value) if parameter in parameters else None
            if origin is not None and origin.name is not None:
                yield origin.name, parameter


def _of_calls(
    function: FunctionViews, small: cst.BaseSmallStatement, flow: Flow, changed: Changed, handed: HandedBack
) -> Consequences | None:
    """What follows a call of a function that writes into what it is given."""
    for node in function.knowledge.source.find(small, cst.Call):
        site = flow.sites.get(node)
        names = taking(handed, site, names_set(function.knowledge.source, small)) if site is not None else ()
        if names and site is not None:
            return _handed_to(function, small, site.callees[0], names)
        for name, parameter in _arguments_changed(function, site, changed) if site is not None else ():
            beside = _reads_beside(function, small, node, name)
            behind = name not in names_set(function.knowledge.source, small) and _matters(function, small, name)
            if not beside and not behind:
                continue
            assert site is not None
            returned = all(_returns(function.knowledge, callee, parameter) for callee in site.callees)
            whole = any(isinstance(a.value, cst.Name) and a.value.value == name for a in node.args)
            if returned and whole and isinstance(small, cst.Expr) and small.value is node:
                return replace(consequences(function, small, name), takes=(name,))
            if returned and whole and isinstance(small, cst.Assign) and small.value is node:
                rest = consequences(function, small, name)
                target = small.targets[0].target
                if isinstance(target, cst.Name):
                    return replace(rest, following=(TakenAgain(target, cst.Name(name)), *rest.following))
            callee = site.callees[0].name
            message = (
                f"`{callee}` writes into its `{parameter}`, which is `{name}` here and read again; the port does not."
            )
            return Consequences(remarks=(Remark(message, "left", f"let `{callee}` return what it changes"),))
    return None


def _reads_beside(function: FunctionViews, small: cst.BaseSmallStatement, call: cst.Call, name: str) -> bool:
    """Whether a statement reads a variable's numbers beside a call, too: `x + f(x)`, but not `f(x).to(x.dtype)`."""
    source = function.knowledge.source
    inside = [*source.find(call, cst.Name), *_instead_of(source, call)]
    beside = (read for read in reads(source, small) if read.value == name and not any(read is each for each in inside))
    return not all(m.matches(source.parents[read], _ASKS_ABOUT) for read in beside)


_ASKS_ABOUT = m.Attribute(attr=m.Name("dtype") | m.Name("shape") | m.Name("device") | m.Name("ndim"))


def _instead_of(source: Source, call: cst.Call) -> Iterator[cst.Name]:
    """What is read where a call is not made: `x` of `x.mul_(2) if flag else x * 2`."""
    node: cst.CSTNode = call
    for around in source.ancestors(call):
        if isinstance(around, cst.IfExp) and node in (around.body, around.orelse):
            yield from source.find(around.orelse if node is around.body else around.body, cst.Name)
        node = around


def _handed_to(
    function: FunctionViews, small: cst.BaseSmallStatement, callee: LocalFunction, names: tuple[str, ...]
) -> Consequences:
    """What follows when a call hands back what it has changed."""
    found = [consequences(function, small, name) for name in names if name != "_"]
    following = tuple(dict.fromkeys(each for one in found for each in one.following))
    remarks = tuple(dict.fromkeys(each for one in found for each in one.remarks))
    gives = any(node.value is not None for node in function.knowledge.source.find(callee.node.body, cst.Return))
    return Consequences(following, remarks, names, gives)


def _matters(function: FunctionViews, at: cst.CSTNode, name: str) -> bool:
    """Whether anything that shares the variable's numbers is read afterwards."""
    if function.live(name, at):
        return True
    found = consequences(function, at, name)
    return bool(found.following or found.remarks)


def _returns(knowledge: Knowledge, callee: LocalFunction, parameter: str) -> bool:
    """Whether a function returns the parameter that it has written into, and nothing else."""
    returns = knowledge.source.find(callee.node.body, cst.Return)
    return bool(returns) and all(
        isinstance(node.value, cst.Name) and node.value.value == parameter for node in returns
    )
