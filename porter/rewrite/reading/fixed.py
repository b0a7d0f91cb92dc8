"""Numbers that a layer has from its constructor: other layers may have others, but a graph knows each."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source

_SELF = m.Attribute(value=m.Name("self"))


@dataclass(frozen=True, eq=False)
class FixedNumbers:
    """Which expressions of a file are computed from literals, settings and attributes that only constructors set.

    `constructed` names the attributes that some constructor sets, on whatever object, `changed` those that anything
    else sets.
    """

    source: Source
    constructed: frozenset[str]
    changed: frozenset[str]

    @classmethod
    def of(cls, source: Source) -> FixedNumbers:
        """Read which attributes the statements of a file set, and where."""
        constructed: set[str] = set()
        changed: set[str] = set()
        for target in source.find(source.tree, cst.AssignTarget, cst.AugAssign, cst.AnnAssign):
            for part in source.find(target.target, cst.Attribute):  # type: ignore[attr-defined]  # all three have one
                (constructed if source.in_init(part) else changed).add(part.attr.value)
        return cls(source, frozenset(constructed), frozenset(changed))

    def has(self, node: cst.BaseExpression, waiting: frozenset[str] = frozenset()) -> bool:
        """Whether an expression is such a number; variables `waiting` for their own answer are taken not to be."""
        if isinstance(node, (cst.Integer, cst.Float, cst.SimpleString)):
            return True
        if isinstance(node, cst.Attribute):
            return node.attr.value not in self.changed and (_is_setting(node) or self._is_constructed(node))
        if isinstance(node, cst.Name):
            return self._is_fixed_variable(node, waiting)
        if isinstance(node, cst.BinaryOperation):
            return self.has(node.left, waiting) and self.has(node.right, waiting)
        return isinstance(node, cst.UnaryOperation) and self.has(node.expression, waiting)

    def _is_constructed(self, node: cst.Attribute) -> bool:
        """`self.x` of a layer whose constructor sets it."""
        inside = self.source.enclosing_class(node) is not None
        return inside and m.matches(node, _SELF) and node.attr.value in self.constructed

    def _is_fixed_variable(self, node: cst.Name, waiting: frozenset[str]) -> bool:
        """A variable that a function sets once, in the open, to what is fixed; a constructor's parameter."""
        function = self.source.enclosing(node)
        if function is None or node.value in waiting:
            return False
        if node.value in function.parameters:
            return function.own_name == "__init__"
        values = _assigned(self.source, function, node.value)
        return bool(values) and all(self.has(value, waiting | {node.value}) for value in values)


def _is_setting(node: cst.Attribute) -> bool:
    """`config.x` and `self.config.x`."""
    owner = node.value.attr if isinstance(node.value, cst.Attribute) else node.value
    return m.matches(owner, m.Name("config"))


def _assigned(source: Source, function: LocalFunction, name: str) -> list[cst.BaseExpression]:
    """What a function sets a variable to; nothing where it is set in another way than by `name = value`."""
    assigns = source.find(function.node, cst.Assign)
    values = [a.value for a in assigns if len(a.targets) == 1 and m.matches(a.targets[0].target, m.Name(name))]
    bound = [n for n in source.find(function.node, cst.Name) if n.value == name and not _reads(source, n)]
    return values if len(bound) == len(values) else []


def _reads(source: Source, node: cst.Name) -> bool:
    parent = source.parents.get(node)
    targets = (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)
    if isinstance(parent, cst.Element):
        parent = source.parents.get(source.parents[parent])
        return not isinstance(parent, targets)
    return not (isinstance(parent, targets) and getattr(parent, "target", None) is node)
