"""Comprehensions and loops over the pieces of a tensor that is cut at sizes which another tensor holds.

In a graph nobody knows how many pieces there are: such a comprehension is written as one operation, where all that
the function does with its list is to join it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import LocalFunction

JOINS = frozenset({"torch.stack", "torch.cat", "torch.concat", "torch.concatenate"})
_CUTS = frozenset({"torch.split", "torch.split_with_sizes"})
_CUTTING_METHODS = m.Attribute(attr=m.Name("split") | m.Name("split_with_sizes"))
_TO_LIST = m.Call(func=m.Attribute(attr=m.Name("tolist")), args=[])
_ZIP = m.Call(func=m.Name("zip"), args=[m.AtLeastN(m.Arg(), n=1)])
_NAMES = m.Tuple(elements=[m.ZeroOrMore(m.Element(value=m.Name()))])
_TARGET = m.Name() | _NAMES
_TARGETS_OF_ROWS = m.Tuple(elements=[m.ZeroOrMore(m.Element(value=_TARGET))])


@dataclass(frozen=True)
class Comprehensions:
    """Comprehensions over pieces: those that are only joined, by function the variables that hold them, all others."""

    joined: Set[cst.CSTNode]
    variables: Mapping[str, Set[str]]
    kept: Set[cst.CSTNode]


def find_comprehensions(knowledge: Knowledge) -> Comprehensions:
    """Those of the file; the lists that are kept hold tensors with axes."""
    joined: set[cst.CSTNode] = set()
    kept: set[cst.CSTNode] = set()
    names: dict[str, set[str]] = {}
    for function in knowledge.source.functions.values():
        for node in knowledge.source.find(function.node, cst.ListComp):
            if not _runs_over_pieces(knowledge, function, node):
                continue
            target = _joined_as(knowledge, function, node)
            fact = knowledge.traced(node.elt)
            if _is_joined(knowledge, node):
                joined.add(node)
            elif target is not None:
                joined.add(node)
                names.setdefault(function.name, set()).add(target)
            elif fact is not None and fact.is_tensor and fact.rank:
                kept.add(node)
    return Comprehensions(joined, names, kept)


def lists_of(iterated: cst.BaseExpression) -> Iterator[cst.Arg]:
    """What a comprehension or a loop runs over: the arguments of `zip`, or the one list."""
    if m.matches(iterated, _ZIP):
        yield from cst.ensure_type(iterated, cst.Call).args
    else:
        yield cst.Arg(iterated)


def _runs_over_pieces(knowledge: Knowledge, function: LocalFunction, node: cst.ListComp) -> bool:
    loop = node.for_in
    if loop.ifs or loop.inner_for_in is not None:
        return False
    if any(True for _ in knowledge.source.find(node.elt, cst.NamedExpr, cst.Await, cst.Yield)):
        return False
    return runs_over_pieces(knowledge, function, loop)


def runs_over_pieces(knowledge: Knowledge, function: LocalFunction, loop: cst.CompFor | cst.For) -> bool:
    """Whether pieces are what a loop runs over, beside them perhaps the rows of tensors."""
    nested = isinstance(loop, cst.For) and m.matches(loop.target, _TARGETS_OF_ROWS)
    if not nested and not m.matches(loop.target, _TARGET):
        return False
    cut = False
    for arg in lists_of(loop.iter):
        found = _are_lists_of_pieces if arg.star else _are_pieces
        if found(knowledge, function, arg.value):
            cut = True
        elif arg.star or not _has_rows(knowledge, arg.value):
            return False
    return cut


def _has_rows(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    fact = knowledge.traced(node)
    return fact is not None and fact.is_tensor and bool(fact.rank)


def _are_pieces(knowledge: Knowledge, function: LocalFunction, node: cst.BaseExpression) -> bool:
    """Whether this is a tensor that was cut at sizes from `tolist`, or a variable that always is one.

    A list of tensors that was longer in one run than in another is taken for what a graph has as pieces.
    """
    fact = knowledge.traced(node)
    if fact is not None and fact.only("list", "tuple") and fact.items is None and not fact.optional:
        return True
    if isinstance(node, cst.Name):
        values = knowledge.assigned_values(function, node.value)
        return bool(values) and all(value is not node and _is_cut(knowledge, function, value) for value in values)
    return _is_cut(knowledge, function, node)


def _is_cut(knowledge: Knowledge, function: LocalFunction, node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    is_function = knowledge.source.canonical(node.func) in _CUTS
    if not is_function and not (m.matches(node.func, _CUTTING_METHODS) and knowledge.is_tensor(_receiver(node))):
        return False
    return any(_is_list_of_tensor(knowledge, function, arg.value) for arg in node.args)


def _receiver(call: cst.Call) -> cst.BaseExpression:
    return cst.ensure_type(call.func, cst.Attribute).value


def _is_list_of_tensor(knowledge: Knowledge, function: LocalFunction, node: cst.BaseExpression) -> bool:
    values = knowledge.assigned_values(function, node.value) if isinstance(node, cst.Name) else [node]
    return bool(values) and all(m.matches(value, _TO_LIST) for value in values)


def _are_lists_of_pieces(knowledge: Knowledge, function: LocalFunction, node: cst.BaseExpression) -> bool:
    """Whether this is a list of such cut tensors: one written out, or a comprehension of one."""
    values = knowledge.assigned_values(function, node.value) if isinstance(node, cst.Name) else [node]
    return bool(values) and all(_lists_pieces(knowledge, function, value) for value in values)


def _lists_pieces(knowledge: Knowledge, function: LocalFunction, node: cst.BaseExpression) -> bool:
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        return _is_cut(knowledge, function, node.elt)
    if isinstance(node, (cst.List, cst.Tuple)):
        return all(_are_pieces(knowledge, function, element.value) for element in node.elements)
    return False


def _joined_as(knowledge: Knowledge, function: LocalFunction, node: cst.ListComp) -> str | None:
    """The variable that the list becomes, where the function only joins it; None otherwise."""
    parent = knowledge.source.parents[node]
    if not m.matches(parent, m.Assign(targets=[m.AssignTarget(target=m.Name())])):
        return None
    assign = cst.ensure_type(parent, cst.Assign)
    name = cst.ensure_type(assign.targets[0].target, cst.Name).value
    for read in knowledge.source.find(function.node, cst.Name):
        if read.value != name or not knowledge.source.before(node, read):
            continue
        above = knowledge.source.parents[read]
        if isinstance(above, cst.AssignTarget):
            return name  # from here on the variable is something else
        if not _is_joined(knowledge, read):
            return None
    return name


def _is_joined(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    """Whether a list stands in a call that joins its tensors."""
    above = knowledge.source.parents[node]
    call = knowledge.source.parents[above] if isinstance(above, cst.Arg) else None
    return isinstance(call, cst.Call) and knowledge.source.canonical(call.func) in JOINS and call.args[0] is above
