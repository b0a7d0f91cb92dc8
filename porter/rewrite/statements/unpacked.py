"""`q, k, v = x` and `for row in x`, where x is a tensor: a graph does not go through the rows of a tensor."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.context import Context
from porter.rulebook.call import code_of


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


def rows_apart(context: Context, original: cst.BaseExpression, updated: cst.BaseExpression) -> cst.BaseExpression:
    """What a loop or comprehension runs over, as `tf.unstack(x)` where each run has gone through a tensor's rows."""
    fact = context.fact(original)
    if fact is None or not fact.only("tensor") or fact.optional:
        return updated
    return cst.parse_expression(f"tf.unstack({code_of(updated)})")
