"""Loops that count to a size which a graph may not know: their body becomes a function that the runtime repeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalFunction
from porter.rewrite.statements.loops import appended
from porter.rulebook.call import code_of

_JOINS = ("torch.stack", "torch.cat", "torch.concat", "torch.concatenate")
_UNFIT = (cst.Break, cst.Continue, cst.Return, cst.FunctionDef, cst.Lambda, cst.Yield, cst.NamedExpr, cst.For,
          cst.While, cst.Try, cst.With, cst.Del, cst.Global)  # fmt: skip


@dataclass(frozen=True)
class _Loop:
    """A loop of a function: what it carries from one turn to the next, and the lists that it fills."""

    function: LocalFunction
    node: cst.For
    carried: tuple[str, ...]
    lists: tuple[str, ...]


def port_counted(
    context: Context, original: cst.For, updated: cst.For
) -> cst.FlattenSentinel[cst.BaseStatement] | None:
    """`for i in range(length): ...` as `loop(step, (states,), length)`; None for a loop that stays as it is."""
    function = context.source.enclosing(original)
    if function is None or not _counts_to_size(context, original) or not isinstance(updated.body, cst.IndentedBlock):
        return None
    loop = _analysed(context, function, original)
    if loop is None:
        return None
    context.collected.setdefault(function.name, set()).update(loop.lists)
    step = "step" if "step" not in context.source.assigned(function) else f"step_of_{code_of(original.target)}"
    parameters = [cst.Param(cst.Name(name)) for name in (code_of(original.target), *loop.carried)]
    parts = [_part(name) for name in loop.lists]
    result = cst.parse_statement(f"return {_tuple(loop.carried)}, {_tuple(parts)}")
    body = [*(_stored(loop.lists, statement) for statement in updated.body.body), result]
    definition = cst.FunctionDef(
        cst.Name(step), cst.Parameters(parameters), cst.IndentedBlock(body), leading_lines=updated.leading_lines
    )
    bounds = ", ".join(code_of(a.value) for a in cst.ensure_type(updated.iter, cst.Call).args)
    targets = f"{_tuple(loop.carried) if loop.carried else '_'}, {_tuple(loop.lists) if loop.lists else '_'}"
    call = cst.parse_statement(f"{targets} = loop({step}, {_tuple(loop.carried)}, {bounds})")
    blank = cst.EmptyLine(indent=False)
    return cst.FlattenSentinel([definition, call.with_changes(leading_lines=[blank])])


def _counts_to_size(context: Context, node: cst.For) -> bool:
    is_range = m.matches(node.iter, m.Call(func=m.Name("range"), args=[m.AtLeastN(m.Arg(star=""), n=1)]))
    if not is_range or not isinstance(node.target, cst.Name) or node.orelse is not None:
        return False
    arguments = cst.ensure_type(node.iter, cst.Call).args
    return any(context.knowledge.varies(argument.value) for argument in arguments)


def _analysed(context: Context, function: LocalFunction, node: cst.For) -> _Loop | None:
    """What the loop carries and collects; None where its body does what a graph's loop cannot."""
    source = context.source
    if any(not _fits(context, node, inner) for inner in source.find(node.body, *_UNFIT, cst.AssignTarget, cst.If)):
        return None
    appending = [item for statement in node.body.body if (item := appended(statement)) is not None]
    lists = tuple(dict.fromkeys(item.name for item in appending))
    appends = [
        call for call in source.find(node.body, cst.Call) if m.matches(call.func, m.Attribute(attr=m.Name("append")))
    ]
    if len(appends) != len(appending):
        return None
    if not all(_only_collected(context, function, name) for name in lists):
        return None
    assigned = _assigned(context, node)
    early = _read_before_set(context, node, assigned)
    bound = {*function.parameters, *_bound_before(context, function, node)}
    carried = [name for name in assigned if name in early or _is_live(context, node, name)]
    if any(name not in bound or name in lists for name in carried):
        return None
    return _Loop(function, node, tuple(carried), lists)


def _fits(context: Context, loop: cst.For, node: cst.CSTNode) -> bool:
    """Whether a part of the body can stand in a graph's loop: it neither leaves it nor changes attributes."""
    if isinstance(node, _UNFIT):
        return False
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Attribute):
        return False
    if isinstance(node, cst.If):
        names = {name.value for name in _reads(context, node.test)}
        return code_of(loop.target) not in names
    return True


def _only_collected(context: Context, function: LocalFunction, name: str) -> bool:
    """Whether all that the function does with a list is to fill it and to join its tensors."""
    empty = False
    anew = False  # from where on the name stands for something else
    for node in context.source.find(function.node, cst.Name):
        if node.value != name:
            continue
        parent = context.source.parents[node]
        if isinstance(parent, cst.AssignTarget):
            is_list = m.matches(context.source.parents[parent], m.Assign(value=m.List(elements=[])))
            empty, anew = empty or is_list, not is_list
            continue
        call = context.source.parents[parent] if isinstance(parent, cst.Arg) else None
        joins = isinstance(call, cst.Call) and context.source.canonical(call.func) in _JOINS
        appends = m.matches(parent, m.Attribute(attr=m.Name("append")))
        if not joins and not appends and not anew:
            return False
    return empty


def _assigned(context: Context, loop: cst.For) -> list[str]:
    """The variables that the body sets, those whose elements it sets included, in order."""
    names: list[str] = []
    for node in context.source.find(loop.body, cst.AssignTarget, cst.AugAssign, cst.Expr):
        if isinstance(node, cst.Expr):
            names += _written_in_place(node)
            continue
        target: cst.CSTNode = node.target  # type: ignore[attr-defined]  # both have one
        while isinstance(target, cst.Subscript):
            target = target.value
        names += [
            name.value for name in context.source.find(target, cst.Name) if not isinstance(target, cst.Attribute)
        ]
    return list(dict.fromkeys(names))


def _written_in_place(statement: cst.Expr) -> Iterator[str]:
    """x of `x.add_(y)`."""
    call = statement.value
    if isinstance(call, cst.Call) and m.matches(call.func, m.Attribute(value=m.Name())):
        method = cst.ensure_type(call.func, cst.Attribute)
        if method.attr.value.endswith("_"):
            yield code_of(method.value)


def _reads(context: Context, tree: cst.CSTNode) -> Iterator[cst.Name]:
    for node in context.source.find(tree, cst.Name):
        parent = context.source.parents.get(node)
        if isinstance(parent, cst.Attribute) and parent.attr is node:
            continue
        if isinstance(parent, cst.Arg) and parent.keyword is node:
            continue
        if isinstance(parent, (cst.AssignTarget, cst.Param)):
            continue
        if isinstance(parent, cst.Element) and isinstance(_target_of(context, parent), cst.AssignTarget):
            continue
        yield node


def _target_of(context: Context, element: cst.CSTNode) -> cst.CSTNode | None:
    return context.source.parents.get(context.source.parents[element])


def _is_live(context: Context, statement: cst.CSTNode, name: str) -> bool:
    """Whether a variable may be read after a statement before it is set anew."""
    for block in context.source.ancestors(statement):
        if isinstance(block, cst.IndentedBlock):
            at = next(i for i, inner in enumerate(block.body) if inner is statement)
            for following in block.body[at + 1 :]:
                if any(read.value == name for read in _reads(context, following)):
                    return True
                if isinstance(following, cst.SimpleStatementLine) and _sets(context, following, name):
                    return False
        if isinstance(block, (cst.For, cst.While)):  # the next turn of an outer loop comes by again
            return any(read.value == name for read in _reads(context, block))
        if isinstance(block, cst.FunctionDef):
            return False
        statement = block
    return False


def _read_before_set(context: Context, loop: cst.For, assigned: Sequence[str]) -> set[str]:
    """The variables whose value of the turn before is read."""
    known: set[str] = set()
    early: set[str] = set()
    for statement in loop.body.body:
        early |= {name.value for name in _reads(context, statement) if name.value in assigned} - known
        for node in context.source.find(statement, cst.AssignTarget, cst.AugAssign):
            target: cst.CSTNode = node.target  # type: ignore[attr-defined]  # both have one
            if isinstance(target, cst.Subscript):
                early |= {name.value for name in context.source.find(target.value, cst.Name)} - known
            if isinstance(node, cst.AugAssign):
                early |= {code_of(target)} - known
        if isinstance(statement, cst.SimpleStatementLine):
            targets = context.source.find(statement, cst.AssignTarget)
            plain = (
                t.target
                for t in targets
                if isinstance(t, cst.AssignTarget) and not isinstance(t.target, cst.Subscript)
            )
            known |= {name.value for target in plain for name in context.source.find(target, cst.Name)}
        elif isinstance(statement, cst.If):
            early |= {name for name in assigned if _sets(context, statement, name)} - known
    return early


def _sets(context: Context, statement: cst.CSTNode, name: str) -> bool:
    targets = context.source.find(statement, cst.AssignTarget)
    return any(code_of(t.target) == name for t in targets if isinstance(t, cst.AssignTarget))


def _bound_before(context: Context, function: LocalFunction, loop: cst.For) -> set[str]:
    line = context.source.line(loop)
    targets = (t for t in context.source.find(function.node, cst.AssignTarget) if context.source.line(t) < line)
    return {name.value for target in targets for name in context.source.find(target, cst.Name)}


def _part(name: str) -> str:
    return f"next_{name}"


def _stored(lists: Sequence[str], statement: cst.BaseStatement) -> cst.BaseStatement:
    """`name.append(value)` as `next_name = value`."""
    item = appended(statement)
    if item is None or item.name not in lists:
        return statement
    part = cst.Assign([cst.AssignTarget(cst.Name(_part(item.name)))], item.value)
    return cst.ensure_type(statement, cst.SimpleStatementLine).with_changes(body=[part])


def _tuple(names: Sequence[str]) -> str:
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
