"""Expressions that read the sizes of tensors: a graph may not know one, though each run had the same."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.bindings import Bindings
from porter.rewrite.reading.source import LocalFunction, Source

_SHAPE = m.Attribute(attr=m.Name("shape"))
_SIZE = m.Call(func=m.Attribute(attr=m.Name("size")))


def reads_size(source: Source, node: cst.BaseExpression) -> bool:
    """Whether an expression is `x.shape[0]` or `x.size(0)`, a variable that is set to or given one, or made of such.

    Sizes of a layer's own weights and buffers, `self.weight.shape[0]`, are known to every graph and do not count.
    """
    return _reads_size(source, node, frozenset())


def _reads_size(source: Source, node: cst.BaseExpression, waiting: frozenset[str]) -> bool:
    if isinstance(node, cst.Subscript):
        return _is_shape(node.value)
    if isinstance(node, cst.Call):
        return bool(node.args) and m.matches(node, _SIZE) and not _is_own(node.func)
    if isinstance(node, cst.BinaryOperation):
        return _reads_size(source, node.left, waiting) or _reads_size(source, node.right, waiting)
    return isinstance(node, cst.Name) and _is_set_to_size(source, node, waiting)


def _is_set_to_size(source: Source, node: cst.Name, waiting: frozenset[str]) -> bool:
    function = source.enclosing(node)
    if function is None or f"{function.name}: {node.value}" in waiting:
        return False
    waiting |= {f"{function.name}: {node.value}"}
    found = Bindings(source, function).reaching(node.value, node)
    if found is not None and found.value is not None:
        return _is_shape(found.value) if found.at is not None else _reads_size(source, found.value, waiting)
    is_parameter = node.value in function.parameters
    return is_parameter and any(_reads_size(source, given, waiting) for given in _given(source, function, node.value))


def _given(source: Source, function: LocalFunction, parameter: str) -> Iterator[cst.BaseExpression]:
    """What the file's calls of a function or method of this name give to one of its parameters."""
    place = function.parameters.index(parameter)
    for call in source.calls.get(function.own_name, ()):
        for index, argument in enumerate(call.args):
            name = argument.keyword.value if argument.keyword is not None else None
            if not argument.star and (name == parameter or (name is None and index == place)):
                yield argument.value


def _is_shape(node: cst.BaseExpression) -> bool:
    """`x.shape` and `x.size()`, or a part of one."""
    if isinstance(node, cst.Subscript):
        return isinstance(node.slice[0].slice, cst.Slice) and _is_shape(node.value)
    if isinstance(node, cst.Call):
        return not node.args and m.matches(node, _SIZE) and not _is_own(node.func)
    return m.matches(node, _SHAPE) and not _is_own(node)


def _is_own(node: cst.BaseExpression) -> bool:
    """Whether an expression is of the layer itself: `self.weight.shape`, `self.layer.weight.size`."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return m.matches(node, m.Name("self"))
