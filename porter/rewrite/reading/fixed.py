"""Numbers that a layer has from its constructor: other layers may have others, but a graph knows each."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source

_SELF = m.Attribute(value=m.Name("self"))


def is_fixed(source: Source, node: cst.BaseExpression) -> bool:
    """Whether an expression is computed from literals, settings and attributes that only constructors set."""
    return _is_fixed(source, node, frozenset())


def _is_fixed(source: Source, node: cst.BaseExpression, waiting: frozenset[str]) -> bool:
    if isinstance(node, (cst.Integer, cst.Float, cst.SimpleString)):
        return True
    if isinstance(node, cst.Attribute):
        return _is_setting(source, node) or _is_constructed(source, node)
    if isinstance(node, cst.Name):
        return _is_fixed_variable(source, node, waiting)
    if isinstance(node, cst.BinaryOperation):
        return _is_fixed(source, node.left, waiting) and _is_fixed(source, node.right, waiting)
    return isinstance(node, cst.UnaryOperation) and _is_fixed(source, node.expression, waiting)


def _is_setting(source: Source, node: cst.Attribute) -> bool:
    """`config.x` and `self.config.x`, which no statement of the file sets while a model runs."""
    owner = node.value.attr if isinstance(node.value, cst.Attribute) else node.value
    return m.matches(owner, m.Name("config")) and not _set_at_a_call(source, node.attr.value)


def _is_constructed(source: Source, node: cst.Attribute) -> bool:
    """`self.x` of a layer that only constructors set."""
    if not m.matches(node, _SELF) or source.enclosing_class(node) is None:
        return False
    return not _set_at_a_call(source, node.attr.value) and _set_in_constructor(source, node)


def _set_at_a_call(source: Source, attribute: str) -> bool:
    """Whether what is not a constructor sets an attribute of this name on anything."""
    return any(name == attribute and not own for name, own in _settings(source))


def _set_in_constructor(source: Source, node: cst.Attribute) -> bool:
    return any(name == node.attr.value and own for name, own in _settings(source))


def _settings(source: Source) -> list[tuple[str, bool]]:
    """Every attribute that some statement sets, and whether it stands in a constructor."""
    found = []
    for target in source.find(source.tree, cst.AssignTarget, cst.AugAssign, cst.AnnAssign):
        node = target.target  # type: ignore[attr-defined]  # all three have one
        for part in source.find(node, cst.Attribute):
            function = source.enclosing(node)
            found.append((part.attr.value, function is not None and function.own_name == "__init__"))
    return found


def _is_fixed_variable(source: Source, node: cst.Name, waiting: frozenset[str]) -> bool:
    """A variable that a function sets once, in the open, to what is fixed; a constructor's parameter."""
    function = source.enclosing(node)
    if function is None or node.value in waiting:
        return False
    if node.value in function.parameters:
        return function.own_name == "__init__"
    values = _assigned(source, function, node.value)
    return bool(values) and all(_is_fixed(source, value, waiting | {node.value}) for value in values)


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
