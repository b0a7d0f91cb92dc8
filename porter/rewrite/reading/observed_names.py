"""What runs have shown of a function's names, wherever in the function a name stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import libcst as cst

from porter.facts import UNSEEN, Fact
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rewrite.reading.torch_results import only_tensors_take
from porter.rulebook.call import code_of

TENSOR = Fact(kinds=frozenset({"tensor"}))
Traced = Callable[[cst.CSTNode], Fact | None]


def observed_names(
    source: Source, function: LocalFunction, traced: Traced, assigned: Mapping[str, Sequence[cst.BaseExpression]]
) -> dict[str, Fact]:
    """Facts by name over the whole function.

    A variable that no line read while it was watched has the fact of what was assigned to it, without its value: other
    branches may set another. Parameters that were never seen take the word of their annotation, and variables that of
    the brackets behind them.

    Args:
        source: of the file.
        function: whose names are wanted.
        traced: the fact of an expression that a run has evaluated.
        assigned: what the function assigns to each of its variables.
    """
    found: dict[str, Fact] = {}
    for node in source.find(function.node, cst.Name, cst.Attribute):
        fact = traced(node)
        if fact is not None:
            code = code_of(node)
            found[code] = found.get(code, UNSEEN).merge(fact)
    for name, values in assigned.items():
        facts = [fact for value in values if (fact := traced(value)) is not None]
        if facts and name not in found:
            merged = facts[0]
            for fact in facts[1:]:
                merged = merged.merge(fact)
            found[name] = replace(merged, has_value=False, value=None)
    taken_apart = (name for name in _taken_apart(source, function) if not makes_array(source, assigned.get(name, ())))
    for name in (*_promised(function), *taken_apart):
        if not found.get(name, UNSEEN).kinds - {"none"}:
            found[name] = TENSOR
    return found


def makes_array(source: Source, values: Iterable[cst.BaseExpression]) -> bool:
    """Whether one of the values is an array that numpy makes: `np.zeros(3)`."""
    calls = (value for value in values if isinstance(value, cst.Call))
    return any((source.canonical(call.func) or "").startswith("numpy.") for call in calls)


def _promised(function: LocalFunction) -> Iterator[str]:
    """The parameters that are annotated as tensors."""
    for parameter in (*function.node.params.params, *function.node.params.kwonly_params):
        annotation = code_of(parameter.annotation.annotation) if parameter.annotation else ""
        if "Tensor" in annotation and "tuple" not in annotation and "list" not in annotation:
            yield parameter.name.value


def _taken_apart(source: Source, function: LocalFunction) -> Iterator[str]:
    """The variables that are indexed as only tensors are."""
    for node in source.find(function.node, cst.Subscript):
        if only_tensors_take(node) and isinstance(node.value, cst.Name):
            yield node.value.value
