"""What runs in constructors only: no graph is traced there, and every number is known."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst

from porter.rewrite.reading.source import LocalFunction, Source


def in_constructor(source: Source, node: cst.CSTNode) -> bool:
    """Whether a node stands in a constructor, or in a function that nothing but constructors calls."""
    function = source.enclosing(node)
    return function is not None and function.name in _constructing(source)


@lru_cache(maxsize=8)
def _constructing(source: Source) -> frozenset[str]:
    functions = source.functions.values()
    callers = {function.name: _callers(source, function) for function in functions}
    found = {function.name for function in functions if function.own_name == "__init__"}
    while True:
        more = {name for name, calling in callers.items() if calling and calling <= found} - found
        if not more:
            return frozenset(found)
        found |= more


def _callers(source: Source, function: LocalFunction) -> frozenset[str]:
    """Where a function's name is read: the functions by name, "" for the module's own statements."""
    found = set()
    for node in source.find(source.tree, cst.Name):
        if node.value == function.own_name and not isinstance(source.parents.get(node), cst.FunctionDef):
            caller = source.enclosing(node)
            found.add(caller.name if caller is not None else "")
    return frozenset(found - {function.name})
