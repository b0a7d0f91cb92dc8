"""Which names a module reads: the base of every import decision."""

from __future__ import annotations

import libcst as cst


def names_read(tree: cst.Module) -> frozenset[str]:
    """Every bare name that some code of the module reads, imports aside."""
    collector = _Names()
    tree.visit(collector)
    return frozenset(collector.names)


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        for child in node.children:
            if child is not node.name:
                child.visit(self)
        return False

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)
