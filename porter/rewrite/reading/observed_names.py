"""What runs have shown of a function's names, wherever in the function a name stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import libcst as cst

from porter.facts import UNSEEN, Fact
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import code_of

TENSOR = Fact(kinds=frozenset({"tensor"}))
Traced = Callable[[cst.CSTNode], Fact | None]


def observed_names(
    source: Source, function: LocalFunction, traced: Traced, assigned: Mapping[str, Sequence[cst.BaseExpression]]
) -> dict[str, Fact]:
    """Facts by name over the whole function.

    A variable that no line read while it was watched has the fact of what was assigned to it, without its value: other
    branches may set another. Parameters that were never seen take their annotation's word.

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
    found |= dict.fromkeys(_promised(function, found), TENSOR)
    return found


def _promised(function: LocalFunction, found: Mapping[str, Fact]) -> list[str]:
    """The parameters that are annotated as tensors and were never seen."""
    names = []
    for parameter in (*function.node.params.params, *function.node.params.kwonly_params):
        annotation = code_of(parameter.annotation.annotation) if parameter.annotation else ""
        seen = found.get(parameter.name.value)
        promised = "Tensor" in annotation and "tuple" not in annotation and "list" not in annotation
        if promised and (seen is None or not seen.kinds - {"none"}):
            names.append(parameter.name.value)
    return names
