"""Functions that run through the values of a tensor in Python, as no graph can: `for t, h, w in grid.tolist()`."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import LocalFunction

Result = tuple[str, tuple[int | None, ...]]
"""The type of a tensor, and its sizes; None for those that only the values decide."""

_CREATED = frozenset({"torch.zeros", "torch.ones", "torch.empty"})
_LISTED = m.Call(func=m.Attribute(attr=m.Name("tolist")), args=[])


def computed_in_python(knowledge: Knowledge, function: LocalFunction) -> tuple[Result, ...]:
    """Type and sizes of each tensor that such a function returns; empty for every other function.

    It runs through values, calls no layer and reads no weight, and a run has shown what it returns.
    """
    if not _runs_through_values(knowledge, function) or _reads_layers(knowledge, function, set()):
        return ()
    returned = [node.value for node in knowledge.source.find(function.node, cst.Return)]
    results = {_results(knowledge, function, value) for value in returned if value is not None}
    return results.pop() if len(returned) == len(results) == 1 else ()


def _runs_through_values(knowledge: Knowledge, function: LocalFunction) -> bool:
    """Whether a loop of the function runs over `tolist()`, counted or grouped too."""
    iterated = [loop.iter for loop in knowledge.source.find(function.node, cst.For, cst.CompFor)]  # type: ignore[attr-defined]
    return any(
        m.matches(call, _LISTED) and knowledge.is_tensor(cst.ensure_type(call.func, cst.Attribute).value)
        for node in iterated
        for call in knowledge.source.find(node, cst.Call)
    )


def _reads_layers(knowledge: Knowledge, function: LocalFunction, seen: set[str]) -> bool:
    """Whether the function, or one of the file that it calls, has to do with a layer or with weights."""
    seen.add(function.name)
    own = [
        node for node in knowledge.source.find(function.node, cst.Attribute) if m.matches(node.value, m.Name("self"))
    ]
    facts = [fact for node in own if (fact := knowledge.fact(node)) is not None]
    if any(fact.is_tensor or "module" in fact.kinds for fact in facts):
        return True
    for call in knowledge.source.find(function.node, cst.Call):
        callee = knowledge.callee(call)
        if callee is None:
            continue
        if callee.kind == "module":
            return True
        called = (knowledge.source.functions.get(name.removeprefix("local.")) for name in callee.names)
        if any(each is not None and each.name not in seen and _reads_layers(knowledge, each, seen) for each in called):
            return True
    return False


def _results(knowledge: Knowledge, function: LocalFunction, value: cst.BaseExpression) -> tuple[Result, ...]:
    """Type and sizes of one tensor, or of each of a tuple; empty where one of them is none."""
    parts = [element.value for element in value.elements] if isinstance(value, cst.Tuple) else [value]
    known = [_result(knowledge, function, part) for part in parts]
    return tuple(one for one in known if one is not None) if all(known) else ()


def _result(knowledge: Knowledge, function: LocalFunction, part: cst.BaseExpression) -> Result | None:
    fact = knowledge.traced(part)
    if fact is None or not fact.only("tensor") or fact.dtype is None or fact.rank is None:
        return None
    values = knowledge.assigned_values(function, part.value) if isinstance(part, cst.Name) else []
    sizes = {tuple(_written_sizes(knowledge, value, fact.rank)) for value in values}
    return fact.dtype, sizes.pop() if len(sizes) == 1 else (None,) * fact.rank


def _written_sizes(knowledge: Knowledge, value: cst.BaseExpression, rank: int) -> Iterator[int | None]:
    """The sizes that are numbers where a tensor is made: 3 of `torch.zeros(3, batch, length)`."""
    call = value if isinstance(value, cst.Call) and knowledge.source.canonical(value.func) in _CREATED else None
    given = [arg.value for arg in call.args if arg.keyword is None and not arg.star] if call is not None else []
    for size in given[:rank] if len(given) == rank else [None] * rank:
        yield int(size.value) if isinstance(size, cst.Integer) else None
