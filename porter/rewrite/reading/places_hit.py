"""Loops over the places where a condition holds, which a graph does not know: `for expert in hit.nonzero():`.

Where what such a loop does at a place goes only to the rows that a mask chooses there, it changes nothing at those
where the mask chooses none. The port's loop runs over every place in a graph, over those that are hit eagerly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.liveness import is_live
from porter.rewrite.reading.source import LocalFunction

Places = Mapping[cst.For, cst.BaseExpression]
"""Loop -> the condition, one truth for each place."""

_NONZERO = m.Call(func=m.Attribute(attr=m.Name("nonzero")), args=[])
_ADDED = m.Call(func=m.Attribute(value=m.Name(), attr=m.Name("index_add_")))


def find_places(knowledge: Knowledge) -> Places:
    """The loops of the file that may run over every place."""
    found: dict[cst.For, cst.BaseExpression] = {}
    for function in knowledge.source.functions.values():
        for loop in knowledge.source.find(function.node.body, cst.For):
            condition = _condition(knowledge, function, loop)
            if condition is not None and _changes_chosen_rows_only(knowledge, loop, condition):
                found[loop] = condition
    return found


def _condition(knowledge: Knowledge, function: LocalFunction, loop: cst.For) -> cst.BaseExpression | None:
    """What a loop over `condition.nonzero()`, or over a variable that is set to it, runs over."""
    values = [loop.iter]
    if isinstance(loop.iter, cst.Name):
        values = knowledge.assigned_values(function, loop.iter.value)
    if len(values) != 1 or not isinstance(values[0], cst.Call) or not m.matches(values[0], _NONZERO):
        return None
    condition = cst.ensure_type(values[0].func, cst.Attribute).value
    fact = knowledge.fact(condition)
    return condition if fact is not None and fact.is_tensor and fact.rank == 1 else None


def _changes_chosen_rows_only(knowledge: Knowledge, loop: cst.For, condition: cst.BaseExpression) -> bool:
    """Whether all that is left of a turn is added to rows that the condition's mask chooses at the loop's place."""
    source = knowledge.source
    masks = {name.value for name in source.find(condition, cst.Name)}
    rows = set(_chosen_rows(knowledge, loop, masks))
    if not rows or source.find(loop.body, cst.Return, cst.Break, cst.Del, cst.While, cst.For):
        return False
    for small in source.find(loop.body, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Expr):
        if isinstance(small, cst.Expr):
            if not _is_added(small.value, rows):
                return False
        elif not _stays_inside(knowledge, loop, small):
            return False
    return True


def _chosen_rows(knowledge: Knowledge, loop: cst.For, masks: set[str]) -> Iterator[str]:
    """The variables of `slot, rows = torch.where(mask[place])`."""
    place = loop.target.value if isinstance(loop.target, cst.Name) else None
    for small in knowledge.source.find(loop.body, cst.Assign):
        call = small.value
        if not isinstance(call, cst.Call) or knowledge.source.canonical(call.func) != "torch.where":
            continue
        read = {name.value for name in knowledge.source.find(call, cst.Name)}
        if len(call.args) == 1 and place in read and read & masks:
            yield from (name.value for name in knowledge.source.find(small.targets[0], cst.Name))


def _is_added(value: cst.BaseExpression, rows: set[str]) -> bool:
    """`total.index_add_(0, rows, part)`."""
    if not isinstance(value, cst.Call) or not m.matches(value, _ADDED) or len(value.args) != 3:
        return False
    at = value.args[1].value
    return isinstance(at, cst.Name) and at.value in rows


def _stays_inside(knowledge: Knowledge, loop: cst.For, small: cst.CSTNode) -> bool:
    """Whether a statement only sets variables that nobody reads behind the loop."""
    assert isinstance(small, (cst.Assign, cst.AnnAssign, cst.AugAssign))
    targets = [t.target for t in small.targets] if isinstance(small, cst.Assign) else [small.target]
    parts = [e.value for t in targets if isinstance(t, (cst.Tuple, cst.List)) for e in t.elements]
    names = [each for each in (*targets, *parts) if not isinstance(each, (cst.Tuple, cst.List))]
    return all(isinstance(name, cst.Name) and not is_live(knowledge.source, loop, name.value) for name in names)
