"""Comparisons of sizes as `reading.checks` has planned them."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.declared import note
from porter.rulebook.call import code_of


def port_comparison(context: Context, original: cst.Comparison, ported: cst.BaseExpression) -> cst.BaseExpression:
    """The comparison as `surely(...)` or `possibly(...)` where a graph may not know its sizes, else as it is."""
    check = context.checks.get(original)
    if check is None or not isinstance(ported, cst.Comparison):
        return ported
    note(context, original, check.remark)
    return cst.parse_expression(f"{check.asks}({code_of(ported.with_changes(lpar=[], rpar=[]))})")
