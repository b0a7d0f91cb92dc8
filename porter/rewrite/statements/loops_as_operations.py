"""Loops that are one operation in a graph, written as `reading.loops` has planned them."""

from __future__ import annotations

from collections.abc import Sequence, Set

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.dtype_source import dtype_source
from porter.rewrite.reading.loops import Appended, CountedLoop, MappedLoop, PieceLoop, appended, rows_of
from porter.rewrite.reading.pieces_read import lists_of
from porter.rewrite.statements.unpacked import rows_apart
from porter.rulebook.call import code_of
from porter.rulebook.template import with_names

_ASKS_FOR_LIST = m.Call(
    func=m.Name("isinstance"), args=[m.Arg(), m.Arg(m.Tuple([m.Element(m.Name("list")), m.Element(m.Name("tuple"))]))]
) | m.Call(func=m.Name("isinstance"), args=[m.Arg(), m.Arg(m.Name("list") | m.Name("tuple"))])
_MAKES_LIST = m.Call(func=m.Name("list") | m.Name("tuple"), args=[m.Arg(m.Name())])
_FUNCTIONS = {"stack": "stacked", "cat": "joined", "concat": "joined", "concatenate": "joined"}


def port_loop(
    context: Context, original: cst.For, updated: cst.For
) -> cst.For | cst.FlattenSentinel[cst.BaseStatement]:
    """The loop as one operation, if it was planned so; any other loop as it is."""
    mapped = context.loops.mapped.get(original)
    if mapped is not None:
        return cst.FlattenSentinel([cst.parse_statement(_mapped(context, mapped, item)) for item in mapped.collected])
    condition = context.places.get(original)
    if condition is not None:
        every = cst.parse_expression(f"{context.runtime_name('places')}({code_of(context.port(condition))})")
        return updated.with_changes(iter=every)
    pieces = context.loops.pieces.get(original)
    if pieces is not None:
        return _over_pieces(context, pieces, updated)
    counted = context.loops.counted.get(original)
    if counted is not None:
        return _counted(context, counted, updated)
    return updated.with_changes(iter=rows_apart(context, original, updated.iter))


def port_list_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """A call that joins a list which such a loop fills, or asks for its kind; None for every other call."""
    joined = _join(context, original, updated)
    return joined if joined is not None else _list_of_pieces(context, original, updated)


def _join(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`torch.stack(rows)` and `torch.cat(rows)` of a list that such a loop fills; None for every other call."""
    name = (context.source.canonical(original.func) or "").removeprefix("torch.")
    if not original.args or name not in _FUNCTIONS:
        return None
    if context.is_of(context.loops.mapped_lists, original.args[0].value):
        return updated.args[0].value if len(original.args) == 1 and name == "stack" else None
    rows = original.args[0].value
    if rows not in context.loops.comprehensions.joined and not context.is_of(context.loops.collected_lists, rows):
        return None
    axis = [f"axis={code_of(argument.value)}" for argument in updated.args[1:2]]
    return cst.parse_expression(f"{_FUNCTIONS[name]}({', '.join([code_of(updated.args[0].value), *axis])})")


def _list_of_pieces(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`isinstance(x, list)` and `list(x)` of what can be pieces in a graph; None for every other call."""
    if m.matches(original, _MAKES_LIST):
        return updated.args[0].value if context.is_of(context.loops.kept_lists, original.args[0].value) else None
    if not context.loops.keeps_pieces or not m.matches(original, _ASKS_FOR_LIST):
        return None
    fact = context.fact(original.args[0].value)
    is_list = fact is not None and bool(fact.kinds & {"list", "tuple"})
    if fact is None or not is_list or not all(item.is_tensor for item in fact.items or ()):
        return None
    kinds = [code_of(name) for name in context.source.find(original.args[1], cst.Name)]
    names = ", ".join([*kinds, context.runtime_name("Pieces")])
    return cst.parse_expression(f"isinstance({code_of(updated.args[0].value)}, ({names}))")


def port_comprehension(context: Context, original: cst.ListComp, updated: cst.ListComp) -> cst.BaseExpression:
    """`[f(q, k) for q, k in zip(*pieces)]` as `each(lambda q, k: f(q, k), *pieces)`, if it was planned so."""
    planned = context.loops.comprehensions
    if original not in planned.joined and original not in planned.kept:
        return updated
    parameters = code_of(updated.for_in.target.with_changes(lpar=[], rpar=[]))
    lists = _listed(context, original.for_in.iter)
    each = context.runtime_name("each")
    mapped = f"{each}(lambda {parameters}: {code_of(updated.elt)}, {lists})"
    return cst.parse_expression(mapped if original in planned.joined else f"as_pieces({mapped})")


def _listed(context: Context, iterated: cst.BaseExpression) -> str:
    return ", ".join(f"{arg.star}{code_of(context.port(arg.value))}" for arg in lists_of(iterated))


def _mapped(context: Context, loop: MappedLoop, item: Appended) -> str:
    """`name = tf.map_fn(lambda row: ..., rows)`."""
    target = loop.node.target
    names = [code_of(e.value) for e in target.elements] if isinstance(target, cst.Tuple) else []
    value = _within_bounds(context, loop, context.port(item.value))
    rows = tensor = code_of(context.port(rows_of(loop.node.iter)))
    if names:
        rows = f"(tf.range(shape_list({tensor})[0], dtype=tf.int64), {tensor})"
        value = with_names(value, {name: cst.parse_expression(f"row[{at}]") for at, name in enumerate(names)})
    argument = "row" if names else code_of(target)
    dtype = _dtype(context, loop, item)
    return f"{item.name} = tf.map_fn(lambda {argument}: {code_of(value)}, {rows}, fn_output_signature={dtype})"


def _within_bounds(context: Context, loop: MappedLoop, value: cst.BaseExpression) -> cst.BaseExpression:
    """The value with slices that end at a number of the row, `x[i, :length]`, ending with the tensor at the latest.

    In a loop XLA takes the number as it is, and counts rows that are not there.
    """
    fact = context.fact(rows_of(loop.node.iter))
    if fact is None or fact.dtype != "int64":
        return value
    named = {cst.ensure_type(name, cst.Name).value for name in m.findall(loop.node.target, m.Name())}
    return value.visit(_Bounded(named))  # type: ignore[return-value]  # an expression stays one


class _Bounded(cst.CSTTransformer):
    def __init__(self, names: Set[str]) -> None:
        self.names = names

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.Subscript:
        tensor = code_of(updated_node.value)
        elements = []
        for axis, element in enumerate(updated_node.slice):
            part = element.slice
            if isinstance(part, cst.Slice) and isinstance(part.upper, cst.Name) and part.upper.value in self.names:
                upper = cst.parse_expression(f"tf.minimum({part.upper.value}, shape_list({tensor})[{axis}])")
                part = part.with_changes(upper=upper)
            elif not isinstance(part, cst.Slice) and code_of(part) in ("...", "None", "tf.newaxis"):
                return updated_node  # the place in brackets is not the axis
            elements.append(element.with_changes(slice=part))
        return updated_node.with_changes(slice=elements)


def _dtype(context: Context, loop: MappedLoop, item: Appended) -> str:
    """The dtype of what is collected; a row, which only the lambda knows, has that of the tensor."""
    named = {cst.ensure_type(name, cst.Name).value for name in m.findall(loop.node.target, m.Name())}
    source = dtype_source(context.knowledge, item.value, item.dtype) if item.dtype else None
    if source is not None and item.dtype and source.value in named:
        source = dtype_source(context.knowledge, rows_of(loop.node.iter), item.dtype)
    return f"{source.value}.dtype" if source else f"tf.{item.dtype}"


def _counted(context: Context, loop: CountedLoop, updated: cst.For) -> cst.FlattenSentinel[cst.BaseStatement]:
    """`for i in range(length): ...` as `loop(step, (states,), length)`."""
    counter = code_of(loop.node.target)
    step = _step_name(context, loop, counter)
    parts = [_part(name) for name in loop.lists]
    result = f"return {_tuple(loop.carried)}, {_tuple(parts)}"
    definition = _step(step, (counter, *loop.carried), updated, loop.lists, result)
    bounds = ", ".join(code_of(a.value) for a in cst.ensure_type(updated.iter, cst.Call).args)
    targets = f"{_tuple(loop.carried) if loop.carried else '_'}, {_tuple(loop.lists) if loop.lists else '_'}"
    call = cst.parse_statement(f"{targets} = loop({step}, {_tuple(loop.carried)}, {bounds})")
    blank = cst.EmptyLine(indent=False)
    return cst.FlattenSentinel([definition, call.with_changes(leading_lines=[blank])])


def _over_pieces(context: Context, loop: PieceLoop, updated: cst.For) -> cst.FlattenSentinel[cst.BaseStatement]:
    """`for q, k in zip(*pieces): ...; x.append(y)` as `(x,) = filled(step, *pieces)`."""
    given, rows = _parameters(context, loop)
    step = _step_name(context, loop, given[0])
    body = cst.ensure_type(updated.body, cst.IndentedBlock)
    unpacked = updated.with_changes(body=body.with_changes(body=[*rows, *body.body]))
    definition = _step(
        step, given, unpacked, loop.lists, f"return {_listed_names([_part(name) for name in loop.lists])}"
    )
    filled, kept = context.runtime_name("filled"), context.runtime_name("as_pieces")
    call = cst.parse_statement(f"{_listed_names(loop.lists)} = {filled}({step}, {_listed(context, loop.node.iter)})")
    blank = cst.EmptyLine(indent=False)
    return cst.FlattenSentinel(
        [
            definition,
            call.with_changes(leading_lines=[blank]),
            *(cst.parse_statement(f"{name} = {kept}({name})") for name in loop.kept),
        ]
    )


def _parameters(context: Context, loop: PieceLoop) -> tuple[list[str], list[cst.BaseStatement]]:
    """What the step of a loop over pieces is given, and `t, h, w = tf.unstack(row)` for rows that the loop unpacks."""
    target = loop.node.target
    targets = [element.value for element in target.elements] if isinstance(target, cst.Tuple) else [target]
    row = "row" if "row" not in context.source.assigned(loop.function) else "row_of_tensor"
    several = sum(isinstance(each, cst.Tuple) for each in targets) > 1
    given: list[str] = []
    unpacked: list[cst.BaseStatement] = []
    for at, each in enumerate(targets):
        given.append(code_of(each) if not isinstance(each, cst.Tuple) else f"{row}_{at}" if several else row)
        if isinstance(each, cst.Tuple):
            names = ", ".join(code_of(element.value) for element in each.elements)
            line = f"{names} = tf.unstack({given[-1]}, num={len(each.elements)})"
            unpacked.append(cst.parse_statement(line))
    return given, unpacked


def _step_name(context: Context, loop: CountedLoop | PieceLoop, counter: str) -> str:
    return "step" if "step" not in context.source.assigned(loop.function) else f"step_of_{counter}"


def _step(
    name: str, parameters: Sequence[str], updated: cst.For, lists: Sequence[str], result: str
) -> cst.FunctionDef:
    """What a loop does in each turn as a function, which returns what it would append."""
    written = cst.ensure_type(updated.body, cst.IndentedBlock).body
    body = [*(_stored(lists, statement) for statement in written), cst.parse_statement(result)]
    given = cst.Parameters([cst.Param(cst.Name(parameter)) for parameter in parameters])
    return cst.FunctionDef(cst.Name(name), given, cst.IndentedBlock(body), leading_lines=updated.leading_lines)


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


def _listed_names(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) > 1 else f"({names[0]},)"


def without_empty_lists(body: cst.BaseSuite, names: Set[str]) -> cst.BaseSuite:
    """A function's body without the `x = []` of the lists that became tensors."""
    return body.visit(_EmptyLists(names)) if names else body  # type: ignore[return-value]  # a suite stays one


class _EmptyLists(cst.CSTTransformer):
    def __init__(self, names: Set[str]) -> None:
        self.names = names

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        small = original_node.body[0]
        if isinstance(small, cst.Assign) and _makes_empty(small) and self.names >= _names_of(small.targets[0].target):
            return cst.RemoveFromParent()
        return updated_node


def _makes_empty(assign: cst.Assign) -> bool:
    """`x = []`, `x, y = [], []`."""
    empty = m.List(elements=[])
    return m.matches(assign.value, empty | m.Tuple(elements=[m.AtLeastN(m.Element(empty), n=1)]))


def _names_of(target: cst.BaseAssignTargetExpression) -> set[str]:
    return {code_of(each.value) for each in target.elements} if isinstance(target, cst.Tuple) else {code_of(target)}
