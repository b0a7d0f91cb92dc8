"""Which names a module reads: the base of every import decision."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.reading.nodes_below import children

_NO_VARIABLES: dict[type[cst.CSTNode], str] = {cst.FunctionDef: "name", cst.Attribute: "attr", cst.Arg: "keyword"}
"""The fields whose name stands for no variable of the module."""


def names_read(tree: cst.Module) -> frozenset[str]:
    """Every bare name that some code of the module reads, imports aside."""
    names: set[str] = set()
    left: list[cst.CSTNode] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, cst.Name):
            names.add(node.value)
        if not isinstance(node, (cst.Import, cst.ImportFrom)):
            left += children(node, but=_NO_VARIABLES.get(type(node), ""))
    return frozenset(names)
