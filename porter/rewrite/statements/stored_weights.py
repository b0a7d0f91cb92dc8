"""What a layer keeps from call to call: its weights and buffers get new values, they are not replaced."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of

_OWN = m.Attribute(value=m.Name("self"))


def kept_for_good(
    context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement
) -> cst.BaseSmallStatement:
    """`self.count = v` and `self.count += v` as `self.count.assign(...)`, where a checkpoint holds `count`."""
    target = _own_target(after)
    if target is None or not _is_stored(context, before, target.attr.value):
        return after
    value = after.value  # type: ignore[attr-defined]  # whatever has a target has one
    if isinstance(after, cst.AugAssign):
        operator = code_of(after.operator).strip().removesuffix("=")
        value = cst.parse_expression(f"{code_of(target)} {operator} ({code_of(value)})")
    return cst.Expr(cst.Call(cst.Attribute(target, cst.Name("assign")), [cst.Arg(value)]))


def _own_target(statement: cst.BaseSmallStatement) -> cst.Attribute | None:
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
    elif isinstance(statement, cst.AugAssign):
        target = statement.target
    else:
        return None
    return target if isinstance(target, cst.Attribute) and m.matches(target, _OWN) else None


def _is_stored(context: Context, statement: cst.CSTNode, name: str) -> bool:
    """Whether an object of the class, or of one that inherits from it, has such a weight when it runs."""
    function = context.source.enclosing(statement)
    if function is None or function.class_name is None or function.name not in context.flow.running:
        return False
    heirs = [local.name for local in context.source.classes.values() if function.class_name in local.lineage]
    seen = [context.knowledge.facts.modules[heir] for heir in heirs if heir in context.knowledge.facts.modules]
    return any(name in fact.parameters or fact.buffers.get(name, False) for fact in seen)
