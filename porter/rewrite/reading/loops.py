"""Loops that a graph needs as one operation, found before anything is written.

A loop that counts to a size which a graph may not know becomes a function that the runtime repeats, and so does one
that fills lists from the pieces of a tensor; one that only collects a result per row of a tensor becomes a map.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.liveness import is_live, reads
from porter.rewrite.reading.pieces_read import JOINS, Comprehensions, find_comprehensions, runs_over_pieces
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of

_UNFIT = (cst.Break, cst.Continue, cst.Return, cst.FunctionDef, cst.Lambda, cst.Yield, cst.NamedExpr, cst.For,
          cst.While, cst.Try, cst.With, cst.Del, cst.Global)  # fmt: skip
_APPEND = m.Call(func=m.Attribute(value=m.Name(), attr=m.Name("append")), args=[m.Arg(keyword=None)])


@dataclass(frozen=True)
class Appended:
    """`name.append(value)`; `dtype` is that of the value's tensor, where it was seen."""

    name: str
    value: cst.BaseExpression
    dtype: str | None = None


@dataclass(frozen=True)
class CountedLoop:
    """A loop of a function: what it carries from one turn to the next, and the lists that it fills."""

    function: LocalFunction
    node: cst.For
    carried: tuple[str, ...]
    lists: tuple[str, ...]


@dataclass(frozen=True)
class MappedLoop:
    """A loop over the rows of a tensor that only collects a result per row."""

    function: LocalFunction
    node: cst.For
    collected: tuple[Appended, ...]

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists that it fills, which become tensors."""
        return tuple(item.name for item in self.collected)


@dataclass(frozen=True)
class PieceLoop:
    """A loop over pieces that fills lists: those that the function only joins, and those that it keeps."""

    function: LocalFunction
    node: cst.For
    lists: tuple[str, ...]
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Loops:
    """The loops of a file that become one operation."""

    counted: Mapping[cst.CSTNode, CountedLoop]
    mapped: Mapping[cst.CSTNode, MappedLoop]
    pieces: Mapping[cst.CSTNode, PieceLoop]
    comprehensions: Comprehensions

    @cached_property
    def collected_lists(self) -> Mapping[str, Set[str]]:
        """Function -> the lists that its counted loops, and its loops and comprehensions over pieces, fill."""
        sources = (_lists(self.counted.values()), _lists(self.pieces.values()), self.comprehensions.variables)
        return _by_function(chain.from_iterable(source.items() for source in sources))

    @cached_property
    def kept_lists(self) -> Mapping[str, Set[str]]:
        """Function -> the lists that its loops over pieces fill and that it does more with than to join them."""
        return _by_function((loop.function.name, loop.kept) for loop in self.pieces.values())

    @property
    def keeps_pieces(self) -> bool:
        """Whether what each piece gives is kept somewhere, in a list that a graph has as pieces."""
        return bool(self.comprehensions.kept) or any(loop.kept for loop in self.pieces.values())

    @cached_property
    def mapped_lists(self) -> Mapping[str, Set[str]]:
        """Function -> the lists that are tensors in the port."""
        return _lists(self.mapped.values())

    def made_at_once(self, function: str) -> Set[str]:
        """The lists of a function that nothing has to make empty before they are filled."""
        return {*self.mapped_lists.get(function, ()), *_lists(self.pieces.values()).get(function, ())}


def find_loops(knowledge: Knowledge) -> Loops:
    """All such loops of the file."""
    counted: dict[cst.CSTNode, CountedLoop] = {}
    mapped: dict[cst.CSTNode, MappedLoop] = {}
    pieces: dict[cst.CSTNode, PieceLoop] = {}
    for function in knowledge.source.functions.values():
        for node in knowledge.source.find(function.node, cst.For):
            rows = _mapped(knowledge, function, node)
            loop = _counted(knowledge, function, node) if rows is None else None
            if rows is not None:
                mapped[node] = rows
            if loop is not None:
                counted[node] = loop
            cut = _over_pieces(knowledge, function, node)
            if cut is not None:
                pieces[node] = cut
    return Loops(counted, mapped, pieces, find_comprehensions(knowledge))


def _lists(loops: Iterable[CountedLoop | MappedLoop | PieceLoop]) -> Mapping[str, Set[str]]:
    return _by_function((loop.function.name, loop.lists) for loop in loops)


def _by_function(lists: Iterable[tuple[str, Iterable[str]]]) -> Mapping[str, Set[str]]:
    found: dict[str, set[str]] = {}
    for function, names in lists:
        found.setdefault(function, set()).update(names)
    return found


def rows_of(iterated: cst.BaseExpression) -> cst.BaseExpression:
    """What a loop runs over, alone or counted: `x` of `enumerate(x)`."""
    counted = isinstance(iterated, cst.Call) and m.matches(iterated.func, m.Name("enumerate"))
    return iterated.args[0].value if counted and isinstance(iterated, cst.Call) else iterated


def _mapped(knowledge: Knowledge, function: LocalFunction, node: cst.For) -> MappedLoop | None:
    if node.orelse is not None or not knowledge.is_tensor(rows_of(node.iter)):
        return None
    if isinstance(node.target, cst.Tuple) and rows_of(node.iter) is node.iter:
        return None  # `for height, width in sizes`
    collected: list[Appended] = []
    for statement in node.body.body:
        item = appended(statement)
        fact = knowledge.traced(item.value) if item is not None else None
        if item is None or fact is None or not fact.is_tensor or fact.dtype is None:
            return None
        collected.append(Appended(item.name, item.value, fact.dtype))
    if any(_is_concatenated(knowledge, function, item.name) for item in collected):
        return None
    return MappedLoop(function, node, tuple(collected))


def _is_concatenated(knowledge: Knowledge, function: LocalFunction, name: str) -> bool:
    """Whether the function joins a list's tensors end to end: one tensor of them all is stacked."""
    end_to_end = JOINS - {"torch.stack"}
    return any(
        m.matches(call, m.Call(args=[m.Arg(m.Name(name)), m.ZeroOrMore()]))
        and knowledge.source.canonical(cst.ensure_type(call, cst.Call).func) in end_to_end
        for call in knowledge.source.find(function.node, cst.Call)
    )


def appended(statement: cst.CSTNode) -> Appended | None:
    """The list and the value where a statement appends to a variable, else None."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.Expr(_APPEND)])):
        return None
    line = cst.ensure_type(statement, cst.SimpleStatementLine)
    call = cst.ensure_type(cst.ensure_type(line.body[0], cst.Expr).value, cst.Call)
    return Appended(code_of(cst.ensure_type(call.func, cst.Attribute).value), call.args[0].value)


def _counted(knowledge: Knowledge, function: LocalFunction, node: cst.For) -> CountedLoop | None:
    if not _counts_to_size(knowledge, node) or not isinstance(node.body, cst.IndentedBlock):
        return None
    return _analysed(knowledge, function, node)


def _counts_to_size(knowledge: Knowledge, node: cst.For) -> bool:
    is_range = m.matches(node.iter, m.Call(func=m.Name("range"), args=[m.AtLeastN(m.Arg(star=""), n=1)]))
    if not is_range or not isinstance(node.target, cst.Name) or node.orelse is not None:
        return False
    arguments = cst.ensure_type(node.iter, cst.Call).args
    return any(knowledge.varies(argument.value) for argument in arguments)


def _over_pieces(knowledge: Knowledge, function: LocalFunction, node: cst.For) -> PieceLoop | None:
    """A loop over pieces each of whose turns only adds a tensor to each of its lists."""
    if node.orelse is not None or not isinstance(node.body, cst.IndentedBlock):
        return None
    if not runs_over_pieces(knowledge, function, node):
        return None
    appending = _appending(knowledge, node)
    if not appending or any(is_live(knowledge.source, node, name) for name in _assigned(knowledge, node)):
        return None
    facts = [knowledge.traced(item.value) for item in appending]
    lists = tuple(item.name for item in appending)
    if len({*lists}) < len(lists) or not all(fact is not None and fact.is_tensor and fact.rank for fact in facts):
        return None
    if not all(_filled_once(knowledge, function, name) for name in lists):
        return None
    kept = tuple(name for name in lists if not _only_collected(knowledge, function, name))
    return PieceLoop(function, node, lists, kept)


def _filled_once(knowledge: Knowledge, function: LocalFunction, name: str) -> bool:
    """Whether a function makes a list once, empty, and has one line that appends to it."""
    names = [node for node in knowledge.source.find(function.node, cst.Name) if node.value == name]
    appends = [node for node in names if m.matches(knowledge.source.parents[node], m.Attribute(attr=m.Name("append")))]
    return len(appends) == 1 and sum(_is_emptied(knowledge, node) for node in names) == 1


def _appending(knowledge: Knowledge, node: cst.For) -> list[Appended] | None:
    """What each turn appends to which list; None where the body does what a graph's loop cannot."""
    source = knowledge.source
    if any(not _fits(knowledge, node, inner) for inner in source.find(node.body, *_UNFIT, cst.AssignTarget, cst.If)):
        return None
    appending = [item for statement in node.body.body if (item := appended(statement)) is not None]
    appends = [
        call for call in source.find(node.body, cst.Call) if m.matches(call.func, m.Attribute(attr=m.Name("append")))
    ]
    return appending if len(appends) == len(appending) else None


def _analysed(knowledge: Knowledge, function: LocalFunction, node: cst.For) -> CountedLoop | None:
    """What the loop carries and collects; None where its body does what a graph's loop cannot."""
    appending = _appending(knowledge, node)
    if appending is None:
        return None
    lists = tuple(dict.fromkeys(item.name for item in appending))
    if not all(_only_collected(knowledge, function, name) for name in lists):
        return None
    assigned = _assigned(knowledge, node)
    early = _read_before_set(knowledge, node, assigned)
    bound = {*function.parameters, *_bound_before(knowledge, function, node)}
    carried = [name for name in assigned if name in early or is_live(knowledge.source, node, name)]
    if any(name not in bound or name in lists for name in carried):
        return None
    return CountedLoop(function, node, tuple(carried), lists)


def _fits(knowledge: Knowledge, loop: cst.For, node: cst.CSTNode) -> bool:
    """Whether a part of the body can stand in a graph's loop: it neither leaves it nor changes attributes."""
    if isinstance(node, _UNFIT):
        return False
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Attribute):
        return False
    if isinstance(node, cst.If):
        names = {name.value for name in reads(knowledge.source, node.test)}
        return not names & {name.value for name in knowledge.source.find(loop.target, cst.Name)}
    return True


def _only_collected(knowledge: Knowledge, function: LocalFunction, name: str) -> bool:
    """Whether all that the function does with a list is to fill it and to join its tensors."""
    source = knowledge.source
    empty = False
    anew: cst.CSTNode | None = None  # from here on the name stands for something else
    for node in source.find(function.node, cst.Name):
        if node.value != name:
            continue
        parent = source.parents[node]
        is_list = _is_emptied(knowledge, node)
        if is_list or isinstance(parent, cst.AssignTarget):
            empty, anew = empty or is_list, None if is_list else anew or source.parents[parent]
            continue
        call = source.parents[parent] if isinstance(parent, cst.Arg) else None
        joins = isinstance(call, cst.Call) and source.canonical(call.func) in JOINS
        appends = m.matches(parent, m.Attribute(attr=m.Name("append")))
        if not joins and not appends and (anew is None or anew in source.ancestors(node)):
            return False
    return empty


def _is_emptied(knowledge: Knowledge, node: cst.Name) -> bool:
    """Whether this is a name that an assignment makes an empty list: `x = []`, `x, y = [], []`."""
    parents, empty = knowledge.source.parents, m.List(elements=[])
    parent = parents[node]
    if isinstance(parent, cst.AssignTarget):
        return m.matches(parents[parent], m.Assign(value=empty))
    if not isinstance(parent, cst.Element) or not isinstance(targets := parents[parent], cst.Tuple):
        return False
    assign = parents[parents[targets]] if isinstance(parents[targets], cst.AssignTarget) else None
    if not isinstance(assign, cst.Assign) or not isinstance(assign.value, (cst.Tuple, cst.List)):
        return False
    values = assign.value.elements
    return len(values) == len(targets.elements) and m.matches(values[targets.elements.index(parent)].value, empty)


def _assigned(knowledge: Knowledge, loop: cst.For) -> list[str]:
    """The variables that the body sets, those whose elements it sets included, in order."""
    names: list[str] = []
    for node in knowledge.source.find(loop.body, cst.AssignTarget, cst.AugAssign, cst.Expr):
        if isinstance(node, cst.Expr):
            names += _written_in_place(node)
            continue
        target: cst.CSTNode = node.target  # type: ignore[attr-defined]  # both have one
        while isinstance(target, cst.Subscript):
            target = target.value
        names += [
            name.value for name in knowledge.source.find(target, cst.Name) if not isinstance(target, cst.Attribute)
        ]
    return list(dict.fromkeys(names))


def _written_in_place(statement: cst.Expr) -> Iterator[str]:
    """x of `x.add_(y)`."""
    call = statement.value
    if isinstance(call, cst.Call) and m.matches(call.func, m.Attribute(value=m.Name())):
        method = cst.ensure_type(call.func, cst.Attribute)
        if method.attr.value.endswith("_"):
            yield code_of(method.value)


def _read_before_set(knowledge: Knowledge, loop: cst.For, assigned: Sequence[str]) -> set[str]:
    """The variables whose value of the turn before is read."""
    known: set[str] = set()
    early: set[str] = set()
    for statement in loop.body.body:
        early |= {name.value for name in reads(knowledge.source, statement) if name.value in assigned} - known
        for node in knowledge.source.find(statement, cst.AssignTarget, cst.AugAssign):
            target: cst.CSTNode = node.target  # type: ignore[attr-defined]  # both have one
            if isinstance(target, cst.Subscript):
                early |= {name.value for name in knowledge.source.find(target.value, cst.Name)} - known
            if isinstance(node, cst.AugAssign):
                early |= {code_of(target)} - known
        if isinstance(statement, cst.SimpleStatementLine):
            targets = knowledge.source.find(statement, cst.AssignTarget)
            plain = (
                t.target
                for t in targets
                if isinstance(t, cst.AssignTarget) and not isinstance(t.target, cst.Subscript)
            )
            known |= {name.value for target in plain for name in knowledge.source.find(target, cst.Name)}
        elif isinstance(statement, cst.If):
            early |= {name for name in assigned if _sets(knowledge, statement, name)} - known
    return early


def _sets(knowledge: Knowledge, statement: cst.CSTNode, name: str) -> bool:
    targets = knowledge.source.find(statement, cst.AssignTarget)
    return any(code_of(t.target) == name for t in targets if isinstance(t, cst.AssignTarget))


def _bound_before(knowledge: Knowledge, function: LocalFunction, loop: cst.For) -> set[str]:
    line = knowledge.source.line(loop)
    targets = (t for t in knowledge.source.find(function.node, cst.AssignTarget) if knowledge.source.line(t) < line)
    return {name.value for target in targets for name in knowledge.source.find(target, cst.Name)}
