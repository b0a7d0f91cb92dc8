"""Which layers a constructor asks for what they only have when they are built: `self.body.head.in_features`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source

OF_WEIGHTS = frozenset({"weight", "bias", "in_features", "normalized_shape"})
"""Attributes of torch's layers that stand for weights of Keras' layers, or for their shape."""


def asked_layers(source: Source) -> frozenset[str]:
    """The attributes that hold layers whose weights or sizes a constructor of the file reads."""
    return frozenset(name for function in source.constructors for name in _asked_in(source, function))


def _asked_in(source: Source, function: LocalFunction) -> set[str]:
    nodes = [n for n in source.find(function.node, cst.Attribute) if n.attr.value in OF_WEIGHTS and reads(source, n)]
    return {node.value.attr.value for node in nodes if isinstance(node.value, cst.Attribute)}


def reads(source: Source, node: cst.Attribute) -> bool:
    """Whether a constructor reads the value of the attribute: it neither sets, fills nor ties it."""
    if _is_copied(source, node):
        return True
    parent = source.parents.get(node)
    if isinstance(parent, (cst.Attribute, cst.AssignTarget)) and not m.matches(parent, m.Attribute(attr=_SHAPES)):
        return False
    statement = next((each for each in source.ancestors(node) if isinstance(each, cst.BaseSmallStatement)), None)
    if isinstance(statement, cst.Assign) and statement.value is node:
        return not isinstance(statement.targets[0].target, cst.Attribute)
    return isinstance(statement, (cst.Assign, cst.AnnAssign))


def _is_copied(source: Source, node: cst.CSTNode) -> bool:
    """Whether a constructor takes the weight's numbers into a tensor of its own: `self.a.weight.data.clone()`."""
    around = [each for each in source.ancestors(node) if isinstance(each, (cst.Attribute, cst.Call))]
    for outer in around:
        if isinstance(outer, cst.Call) and outer.func is not node:
            return False
        if isinstance(outer, cst.Attribute) and outer.attr.value not in ("data", "detach"):
            return outer.attr.value == "clone"
        node = outer
    return False


_SHAPES = m.Name("shape") | m.Name("size") | m.Name("numel")
