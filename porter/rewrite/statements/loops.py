"""Loops over the rows of a tensor: a list that only collects one result per row is `tf.map_fn`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.freezing import is_freezing, port_freezing
from porter.rulebook.call import code_of
from porter.rulebook.template import with_names

_APPEND = m.Call(func=m.Attribute(value=m.Name(), attr=m.Name("append")), args=[m.Arg(keyword=None)])


@dataclass(frozen=True)
class Appended:
    """`name.append(value)`."""

    name: str
    value: cst.BaseExpression


@dataclass(frozen=True)
class _Collected:
    """`name.append(value)`, as PyTorch and as TensorFlow write the value."""

    name: str
    original: cst.BaseExpression
    value: cst.BaseExpression


def port_loop(
    context: Context, original: cst.For, updated: cst.For
) -> cst.For | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """The loop as one statement per list that it fills; any other loop as it is."""
    if is_freezing(original):
        return port_freezing(context, original)
    rows = _rows(context, original.iter)
    collected = list(_collected(original, updated))
    if rows is None or len(collected) != len(original.body.body) or original.orelse is not None:
        return updated
    function = context.source.enclosing(original)
    statements: list[cst.BaseStatement] = []
    for item in collected:
        fact = context.knowledge.traced(item.original)
        if function is None or fact is None or not fact.is_tensor or fact.dtype is None:
            return updated
        context.mapped.setdefault(function.name, set()).add(item.name)
        statements.append(cst.parse_statement(_mapped(original, updated, item, fact.dtype)))
    return cst.FlattenSentinel(statements)


def _rows(context: Context, iterated: cst.BaseExpression) -> cst.BaseExpression | None:
    """The tensor that a loop runs over, alone or counted."""
    inner = iterated
    if isinstance(iterated, cst.Call) and m.matches(iterated.func, m.Name("enumerate")):
        inner = iterated.args[0].value
    return inner if context.knowledge.is_tensor(inner) else None


def _collected(original: cst.For, updated: cst.For) -> Iterator[_Collected]:
    for before, after in zip(original.body.body, updated.body.body, strict=False):
        old, new = appended(before), appended(after)
        if old is not None and new is not None:
            yield _Collected(old.name, old.value, new.value)


def appended(statement: cst.CSTNode) -> Appended | None:
    """The list and the value where a statement appends to a variable, else None."""
    if not m.matches(statement, m.SimpleStatementLine(body=[m.Expr(_APPEND)])):
        return None
    line = cst.ensure_type(statement, cst.SimpleStatementLine)
    call = cst.ensure_type(cst.ensure_type(line.body[0], cst.Expr).value, cst.Call)
    return Appended(code_of(cst.ensure_type(call.func, cst.Attribute).value), call.args[0].value)


def _mapped(original: cst.For, updated: cst.For, item: _Collected, dtype: str) -> str:
    names = [code_of(e.value) for e in original.target.elements] if isinstance(original.target, cst.Tuple) else []
    value = item.value
    rows = code_of(updated.iter)
    if names and isinstance(updated.iter, cst.Call):
        tensor = code_of(updated.iter.args[0].value)
        rows = f"(tf.range(shape_list({tensor})[0], dtype=tf.int64), {tensor})"
        value = with_names(value, {name: cst.parse_expression(f"row[{at}]") for at, name in enumerate(names)})
    argument = "row" if names else code_of(original.target)
    return f"{item.name} = tf.map_fn(lambda {argument}: {code_of(value)}, {rows}, fn_output_signature=tf.{dtype})"


def without_empty_lists(body: cst.BaseSuite, names: set[str]) -> cst.BaseSuite:
    """A function's body without the `x = []` of the lists that became tensors."""
    return body.visit(_EmptyLists(names)) if names else body  # type: ignore[return-value]  # a suite stays one


class _EmptyLists(cst.CSTTransformer):
    def __init__(self, names: set[str]) -> None:
        self.names = names

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        small = original_node.body[0]
        is_empty = isinstance(small, cst.Assign) and m.matches(small.value, m.List(elements=[]))
        if isinstance(small, cst.Assign) and is_empty and code_of(small.targets[0].target) in self.names:
            return cst.RemoveFromParent()
        return updated_node
