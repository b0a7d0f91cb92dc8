"""`q, k, v = x`, `for row in x`, `map(f, x)`, where x is a tensor: a graph does not go through a tensor's rows."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of

_GOES_THROUGH = m.Call(func=m.Name("map") | m.Name("zip") | m.Name("enumerate") | m.Name("list") | m.Name("tuple"))


def unpacked(context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement) -> cst.Assign | None:
    """The assignment with `tf.unstack(x, num=3)`; None for every other statement."""
    if not isinstance(before, cst.Assign) or not isinstance(after, cst.Assign) or len(before.targets) != 1:
        return None
    target, value = before.targets[0].target, before.value
    if not isinstance(target, (cst.Tuple, cst.List)) or isinstance(value, (cst.Tuple, cst.List)):
        return None
    fact = context.fact(value)
    if fact is None or not fact.only("tensor"):
        return None
    starred = any(isinstance(element, cst.StarredElement) for element in target.elements)
    number = "" if starred else f", num={len(target.elements)}"
    return after.with_changes(value=cst.parse_expression(f"tf.unstack({code_of(after.value)}{number})"))


def rows_apart(context: Context, original: cst.For | cst.CompFor, updated: cst.BaseExpression) -> cst.BaseExpression:
    """What a loop or comprehension runs over, as `tf.unstack(x)` where each run has gone through a tensor's rows.

    `for height, width in sizes` takes the rows apart, too.
    """
    fact = context.fact(original.iter)
    if fact is None or not fact.only("tensor") or fact.optional:
        return updated
    rows = _rows(updated)
    if not isinstance(original.target, cst.Tuple):
        return rows
    return cst.parse_expression(f"map(tf.unstack, {code_of(rows)})")


def rows_given(context: Context, original: cst.Call, updated: cst.BaseExpression) -> cst.BaseExpression:
    """`map(f, tf.unstack(x))`, and so with other functions of Python, where a graph knows how many rows x has."""
    if not m.matches(original, _GOES_THROUGH) or not m.matches(updated, _GOES_THROUGH):
        return updated
    arguments = [
        after.with_changes(value=_rows(after.value)) if _has_known_rows(context, before.value) else after
        for before, after in zip(original.args, cst.ensure_type(updated, cst.Call).args, strict=True)
    ]
    return updated.with_changes(args=arguments)


def _has_known_rows(context: Context, node: cst.BaseExpression) -> bool:
    """Whether it is a tensor of a fixed number of rows; a constructor, which no graph runs, goes through any."""
    fact = None if context.source.in_constructor(node) else context.fact(node)
    if fact is None or not fact.only("tensor") or fact.optional or not fact.dims:
        return False
    return fact.dims[0] is not None


def _rows(node: cst.BaseExpression) -> cst.BaseExpression:
    return cst.parse_expression(f"tf.unstack({code_of(node)})")
