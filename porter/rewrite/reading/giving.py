"""Which functions return tensors, and which variables only hold them, as far as no run has shown it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import libcst as cst

from porter.facts import Facts
from porter.rewrite.reading.knowledge import Knowledge, variable_of
from porter.rewrite.reading.nested_port import NestedPort
from porter.rewrite.reading.source import LocalFunction, Source


def known(
    source: Source,
    facts: Facts,
    nested: Mapping[str, NestedPort] = MappingProxyType({}),
    beside: Mapping[str, str] = MappingProxyType({}),
) -> Knowledge:
    """What is known of a file: which functions return tensors is found by starting from none, until no more are."""
    knowledge = Knowledge(source, facts, nested, beside)
    while (more := _learned(knowledge)) is not knowledge:
        knowledge = more
    return knowledge


def _learned(knowledge: Knowledge) -> Knowledge:
    """What is known when all that follows from `giving` is counted in; itself where nothing follows."""
    functions = knowledge.source.functions.values()
    giving = frozenset(name for function in functions for name in _giving_in(knowledge, function))
    if not giving <= knowledge.giving:
        return knowledge.supposing(knowledge.giving | giving)
    changed = frozenset(name for function in functions for name in _changed_in(knowledge, function))
    return knowledge.supposing(knowledge.giving | changed) if changed else knowledge


def _giving_in(knowledge: Knowledge, function: LocalFunction) -> Iterator[str]:
    """The function's name where all that it returns is tensors, and its variables that are only set to tensors."""
    returned = [node.value for node in knowledge.source.find(function.node, cst.Return)]
    if returned and all(value is not None and knowledge.is_tensor(value) for value in returned):
        yield function.name
    for name in knowledge.unseen_variables(function):
        values = knowledge.assigned_values(function, name)
        if values and all(map(knowledge.is_tensor, values)):
            yield variable_of(function, name)


def _changed_in(knowledge: Knowledge, function: LocalFunction) -> frozenset[str]:
    """The function's variables that are set to a tensor first, and then to what is computed from themselves."""
    unsure = {
        variable_of(function, name): values
        for name in knowledge.unseen_variables(function)
        if (values := knowledge.assigned_values(function, name)) and knowledge.is_tensor(values[0])
    }
    unsure = {name: values for name, values in unsure.items() if name not in knowledge.giving}
    while unsure:
        supposed = knowledge.supposing(knowledge.giving | unsure.keys())
        wrong = [name for name, values in unsure.items() if not all(map(supposed.is_tensor, values))]
        if not wrong:
            break
        unsure = {name: values for name, values in unsure.items() if name not in wrong}
    return frozenset(unsure)
