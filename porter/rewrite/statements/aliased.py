"""What follows a write in place, as `reading.aliases` has planned it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.declared import note
from porter.rewrite.reading.handed_back import statement_around
from porter.rewrite.reading.shared_numbers import Following, Joined, Kept, Stored
from porter.rewrite.reading.views_in_file import keeper
from porter.rewrite.statements.in_place import joined, stored
from porter.rulebook.call import code_of


def following(context: Context, small: cst.BaseSmallStatement) -> Iterator[cst.SimpleStatementLine]:
    """The statements that give all that shares a tensor's numbers its new value."""
    consequences = context.aliases.following.get(small)
    if consequences is None:
        return
    for remark in consequences.remarks:
        note(context, small, remark)
    for one in consequences.following:
        written = _written(context, one)
        if written is not None:
            yield cst.SimpleStatementLine([written])


def preceding(context: Context, small: cst.BaseSmallStatement) -> Iterator[cst.SimpleStatementLine]:
    """What a sequence's first layer writes into a variable that the statement reads beside it, or behind."""
    consequences = context.aliases.following.get(small)
    if consequences is not None and consequences.first is not None:
        layers, name = code_of(context.port(consequences.first.layers)), consequences.first.name
        yield cst.ensure_type(cst.parse_statement(f"{name} = {layers}[0]({name})"), cst.SimpleStatementLine)


def taken(context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement) -> cst.Assign | None:
    """`f(x)` that writes into x and returns it is `x = f(x)`; `y = f(x)`, where x is handed back, `y, x = f(x)`."""
    consequences = context.aliases.following.get(before)
    if consequences is None or not consequences.takes or not isinstance(after, (cst.Expr, cst.Assign)):
        return None
    result: cst.BaseAssignTargetExpression = cst.Name("_")
    if isinstance(after, cst.Assign):
        result = after.targets[0].target
    names = [cst.Name(name) for name in consequences.takes]
    targets = [_in_parentheses(result), *names] if consequences.gives else names
    target = targets[0] if len(targets) == 1 else cst.Tuple([cst.Element(each) for each in targets], lpar=(), rpar=())
    return cst.Assign([cst.AssignTarget(target)], after.value)


def taken_inside(
    context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement
) -> Sequence[cst.Assign]:
    """`y = f(x).sum()`, where x is handed back: `y, x = f(x)`, then `y = y.sum()`; empty for all other statements."""
    consequences = context.aliases.following.get(before)
    if consequences is None or not consequences.takes or not isinstance(after, cst.Assign):
        return ()
    calls = (node for node in context.source.find(before, cst.Call) if _hands_back(context, node))
    call = next((node for node in calls if statement_around(context.source, node) is before), None)
    if call is None:
        return ()
    ported = context.port(call)
    whole = after.with_changes(value=ported)
    first = taken(context, before, whole)
    name, written = code_of(after.targets[0].target), code_of(ported)
    rest = code_of(after.value).replace(written, name)
    if first is None or code_of(after.value).count(written) != 1:
        context.note(before, "left", f"`{code_of(call)}` hands back what it changes, and is not taken from here.")
        return ()
    return first, cst.Assign(after.targets, cst.parse_expression(rest))


def _hands_back(context: Context, call: cst.Call) -> bool:
    site = context.flow.sites.get(call)
    return site is not None and any(callee.name in context.aliases.handed for callee in site.callees)


def _in_parentheses(target: cst.BaseAssignTargetExpression) -> cst.BaseAssignTargetExpression:
    return (
        target.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        if isinstance(target, cst.Tuple)
        else target
    )


def _written(context: Context, one: Following) -> cst.BaseSmallStatement | None:
    if isinstance(one, Kept):
        return _kept(context, one)
    if isinstance(one, Stored):
        return stored(context, one.place, cst.Name(one.name))
    if isinstance(one, Joined):
        return joined(context, one.parts, one.names)
    target = context.port(one.target) if one.target in context.source.parents else one.target
    assert isinstance(target, (cst.Name, cst.Tuple, cst.List))
    return cst.Assign([cst.AssignTarget(target)], context.port(one.value))


def _kept(context: Context, one: Kept) -> cst.Expr:
    """`cache.get_conv_state(i)` of a tensor that has changed: `cache.keep_conv_state(state, i)`."""
    call = cst.ensure_type(context.port(one.taken), cst.Call)
    method = cst.ensure_type(call.func, cst.Attribute)
    name = keeper(context.knowledge, one.taken)
    assert name is not None
    arguments = [cst.Arg(cst.Name(one.name)), *call.args]
    return cst.Expr(call.with_changes(func=method.with_changes(attr=cst.Name(name)), args=arguments))
