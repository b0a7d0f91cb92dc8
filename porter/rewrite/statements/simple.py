"""Statements: what PyTorch writes in place becomes an assignment, what is never true here goes."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.attributes import gives_bias, own_attribute
from porter.rulebook import Unknown
from porter.rulebook.call import code_of
from porter.rulebook.subscripts import Index, subscript_assignment

_DROPPED_CALLS = frozenset(
    {
        "warn_if_padding_and_no_attention_mask",
        "_register_load_state_dict_pre_hook",
        "register_load_state_dict_pre_hook",
        "_register_state_dict_hook",
    }
)
_RETURN_DICT = m.SimpleString('"return_dict"') | m.SimpleString("'return_dict'")
_DROPPED_ATTRIBUTES = frozenset({"gradient_checkpointing", "_requires_grad", "_is_hf_initialized"})


def port_statement(
    context: Context, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine
) -> cst.SimpleStatementLine | cst.RemovalSentinel:
    """One line of simple statements."""
    if len(original.body) != 1:
        return updated
    before, after = original.body[0], updated.body[0]
    if _initialises(context, before):
        context.note(before, "assumed", "a weight's initial values are not ported: a checkpoint gives others.")
        return cst.RemoveFromParent()
    if isinstance(before, cst.Expr) and isinstance(after, cst.Expr):
        return _port_expression(context, before, after, updated)
    if isinstance(before, cst.Assign) and isinstance(after, cst.Assign):
        return _port_assignment(context, before, after, updated)
    if isinstance(before, cst.AugAssign) and isinstance(after, cst.AugAssign):
        return _port_augmented(context, before, after, updated)
    return updated


def _initialises(context: Context, statement: cst.BaseSmallStatement) -> bool:
    """Whether a constructor writes into a weight: `self.queries.weight.data[:, :2].uniform_(0, 1)`."""
    function = context.source.enclosing(statement)
    if function is None or function.own_name != "__init__":
        return False
    written: cst.BaseExpression | None = None
    if isinstance(statement, cst.Assign):
        written = statement.targets[0].target
    elif isinstance(statement, cst.Expr) and m.matches(statement.value, m.Call(func=m.Attribute())):
        method = cst.ensure_type(cst.ensure_type(statement.value, cst.Call).func, cst.Attribute)
        written = method.value if method.attr.value.endswith("_") else None
    while isinstance(written, cst.Subscript):
        written = written.value
    if written is None or not m.matches(written, m.Attribute(value=m.Attribute(), attr=m.Name("data"))):
        return False
    weight = cst.ensure_type(cst.ensure_type(written, cst.Attribute).value, cst.Attribute)
    return weight.attr.value in ("weight", "bias") or context.knowledge.is_tensor(weight)


def _port_expression(
    context: Context, before: cst.Expr, after: cst.Expr, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine | cst.RemovalSentinel:
    if _is_dropped_call(before.value) or (isinstance(after.value, cst.Name) and not _writes_in_place(context, before)):
        return cst.RemoveFromParent()  # a name alone does nothing
    if m.matches(after.value, m.Name("None")):
        return cst.RemoveFromParent()
    if not isinstance(before.value, cst.Call) or not isinstance(before.value.func, cst.Attribute):
        return line
    receiver = before.value.func.value
    out = _out_argument(before.value)
    if out is not None:
        return _assign_back(context, out, after.value, line)
    if _buffer_name(before.value) is not None:
        return _port_buffer(context, before.value, after.value, line)
    if not _writes_in_place(context, before):
        return line
    return _assign_back(context, receiver, after.value, line)


def _writes_in_place(context: Context, statement: cst.Expr) -> bool:
    """Whether it is `x.add_(y)` and the like, of a tensor."""
    call = statement.value
    if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
        return False
    method = call.func.attr.value
    return method.endswith("_") and not method.endswith("__") and context.knowledge.is_tensor(call.func.value)


def _out_argument(call: cst.Call) -> cst.BaseExpression | None:
    """Where `torch.cat(tensors, out=x)` writes to."""
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "out"), None)


def _is_dropped_call(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Call) and code_of(value.func).rpartition(".")[2] in _DROPPED_CALLS


def _assign_back(
    context: Context, receiver: cst.BaseExpression, value: cst.BaseExpression, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine:
    """`x.add_(y)` is `x = x + y`, `x[i].add_(y)` an assignment to that part of x."""
    if isinstance(receiver, cst.Subscript):
        code = _assigned_subscript(context, receiver, receiver, value)
        return line if code is None else line.with_changes(body=[_assign(receiver.value, code)])
    if isinstance(receiver, (cst.Name, cst.Attribute)):
        return line.with_changes(body=[_assign(receiver, code_of(value))])
    return line


def _port_assignment(
    context: Context, before: cst.Assign, after: cst.Assign, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine | cst.RemovalSentinel:
    target = before.targets[0].target
    if m.matches(target, m.Attribute(value=m.Name("self"))):
        assert isinstance(target, cst.Attribute)
        if target.attr.value in _DROPPED_ATTRIBUTES:
            return cst.RemoveFromParent()
        if _is_parameter(context, target, after.value):
            made = f'add_parameter(self, "{target.attr.value}", {code_of(after.value)})'
            return line.with_changes(body=[after.with_changes(value=cst.parse_expression(made))])
        if _keeps_number(context, before.value):
            return line.with_changes(
                body=[after.with_changes(value=cst.Call(cst.Name("float"), [cst.Arg(after.value)]))]
            )
    if m.matches(target, _CHILD):
        assert isinstance(after.targets[0].target, cst.Subscript)
        return line.with_changes(body=[_replaced_child(after.targets[0].target, after.value)])
    if gives_bias(context, before):
        bias = cst.ensure_type(after.targets[0].target, cst.Attribute)
        return _called(line, f"add_bias({code_of(bias.value)}, {code_of(after.value)})")
    if _takes_layer_away(context, before):
        layer = cst.ensure_type(after.targets[0].target, cst.Attribute)
        return _called(line, f'remove_layer({code_of(layer.value)}, "{layer.attr.value}")')
    if _asks_for_output(target) or _sets_unread_keyword(context, target):
        return cst.RemoveFromParent()
    if m.matches(target, m.Attribute(attr=m.Name("generation_config"))):
        context.note(before, "assumed", "generation is not ported, nor is its configuration.")
        return cst.RemoveFromParent()
    if m.matches(after.value, m.Name() | m.Attribute()) and code_of(after.value) == code_of(after.targets[0].target):
        return cst.RemoveFromParent()
    new_target = after.targets[0].target
    if isinstance(new_target, cst.Tuple) and isinstance(after.value, cst.Tuple):
        return line.with_changes(body=[_without_device(after, new_target, after.value)])
    if isinstance(target, cst.Attribute) and context.knowledge.is_tensor(target.value):
        return cst.RemoveFromParent()  # such as `x.requires_grad = True`
    if m.matches(before.value, m.Attribute(attr=m.Name("device"))) and isinstance(target, cst.Name):
        return cst.RemoveFromParent()
    if len(before.targets) == 1 and isinstance(target, cst.Subscript) and context.knowledge.is_tensor(target.value):
        new = after.targets[0].target
        assert isinstance(new, cst.Subscript)
        code = _assigned_subscript(context, target, new, after.value, before.value)
        if code is not None:
            return line.with_changes(body=[_assign(new.value, code)])
    return line


def _called(line: cst.SimpleStatementLine, call: str) -> cst.SimpleStatementLine:
    return line.with_changes(body=[cst.Expr(cst.parse_expression(call))])


_CHILD = m.Subscript(value=m.Attribute(attr=m.Name("_modules")))


def _replaced_child(target: cst.Subscript, value: cst.BaseExpression) -> cst.Expr:
    """`parent._modules[name] = layer` is `add_layer(parent, name, layer)`."""
    assert isinstance(target.value, cst.Attribute)
    parent, name = code_of(target.value.value), code_of(target.slice[0].slice)
    return cst.Expr(cst.parse_expression(f"add_layer({parent}, {name}, {code_of(value)})"))


def _takes_layer_away(context: Context, assign: cst.Assign) -> bool:
    """`self.stages[0].fusion = None` of a layer."""
    target = assign.targets[0].target
    if not isinstance(target, cst.Attribute) or not m.matches(assign.value, m.Name("None")):
        return False
    fact = context.fact(target.value)
    if m.matches(target.value, m.Name("self")) or fact is None or not fact.only("module"):
        return False
    owners = (name.removeprefix("local.") for name in fact.names if name.startswith("local."))
    return any(target.attr.value in context.knowledge.children(owner) for owner in owners)


def _asks_for_output(target: cst.BaseExpression) -> bool:
    """`kwargs["return_dict"]`: set to get an output, which layers of a port always give."""
    return m.matches(target, m.Subscript(value=m.Name(), slice=[m.SubscriptElement(m.Index(_RETURN_DICT))]))


def _sets_unread_keyword(context: Context, target: cst.BaseExpression) -> bool:
    """`kwargs["x"] = ...` of a key that nobody behind the function's keywords reads."""
    function = context.source.enclosing(target)
    if function is None or not m.matches(target, m.Subscript(value=m.Name(function.keywords or ""))):
        return False
    key = code_of(cst.ensure_type(target, cst.Subscript).slice[0].slice).strip("\"'")
    return key not in (*function.parameters, *context.flow.added.get(function.name, ()))


def _without_device(assign: cst.Assign, target: cst.Tuple, value: cst.Tuple) -> cst.Assign:
    """`size, device = x.shape[0], x.device` without what only says where tensors lie."""
    if len(target.elements) != len(value.elements):
        return assign
    pairs = zip(target.elements, value.elements, strict=True)
    kept = [(t.value, v.value) for t, v in pairs if not m.matches(t.value, m.Name("device"))]
    if len(kept) == len(value.elements) or not kept:
        return assign
    sides = [code_of(side[0]) if len(side) == 1 else ", ".join(map(code_of, side)) for side in zip(*kept, strict=True)]
    return cst.ensure_type(
        cst.ensure_type(cst.parse_statement(" = ".join(sides)), cst.SimpleStatementLine).body[0], cst.Assign
    )


def _is_parameter(context: Context, target: cst.Attribute, value: cst.BaseExpression) -> bool:
    """Whether a constructor stores a parameter that a function has made: `self.table = self._make_table(config)`."""
    function = context.source.enclosing(target)
    seen = context.knowledge.facts.modules.get(function.class_name or "") if function is not None else None
    if seen is None or function is None or function.own_name != "__init__" or target.attr.value not in seen.parameters:
        return False
    return isinstance(value, cst.Call) and code_of(value.func) != "add_parameter"


def _keeps_number(context: Context, value: cst.BaseExpression) -> bool:
    """Whether a constructor keeps a float in a tensor, such as `rates[1]`: a graph could not branch on it."""
    function = context.source.enclosing(value)
    if function is None or function.own_name != "__init__" or not isinstance(value, (cst.Name, cst.Subscript)):
        return False
    fact = context.knowledge.traced(value)
    is_number = fact is not None and fact.kinds <= {"tensor", "float", "int"} and fact.is_tensor and fact.rank == 0
    return is_number and fact is not None and not fact.names and (fact.dtype or "").startswith("float")


def _port_augmented(
    context: Context, before: cst.AugAssign, after: cst.AugAssign, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine:
    target = before.target
    if not isinstance(target, cst.Subscript) or not context.knowledge.is_tensor(target.value):
        return line
    new = after.target
    assert isinstance(new, cst.Subscript)
    operator = code_of(after.operator).strip().removesuffix("=")
    value = cst.parse_expression(f"{code_of(new)} {operator} ({code_of(after.value)})")
    code = _assigned_subscript(context, target, new, value, before.value)
    return line if code is None else line.with_changes(body=[_assign(new.value, code)])


def _assigned_subscript(
    context: Context,
    original: cst.Subscript,
    updated: cst.Subscript,
    value: cst.BaseExpression,
    original_value: cst.BaseExpression | None = None,
) -> str | None:
    try:
        return subscript_assignment(
            context.arg(original.value, updated.value),
            indices(context, original, updated),
            context.arg(original_value if original_value is not None else original, value),
        )
    except Unknown as error:
        context.note(original, "left", f"the assignment to `{code_of(original)}` was kept: {error}.")
        return None


def indices(context: Context, original: cst.Subscript, updated: cst.Subscript) -> Sequence[Index]:
    """The elements in brackets, each with its fact."""
    found = []
    for before, after in zip(original.slice, updated.slice, strict=True):
        fact = context.fact(before.slice.value) if isinstance(before.slice, cst.Index) else None
        found.append(Index(after.slice, before.slice, fact))
    return found


def _assign(target: cst.BaseExpression, code: str) -> cst.Assign:
    assert isinstance(target, (cst.Name, cst.Attribute, cst.Subscript))
    return cst.Assign([cst.AssignTarget(target)], cst.parse_expression(code))


def _buffer_name(call: cst.Call) -> str | None:
    if not m.matches(
        call.func, m.Attribute(m.Name("self"), m.OneOf(m.Name("register_buffer"), m.Name("register_parameter")))
    ):
        return None
    first = call.args[0].value
    return str(first.evaluated_value) if isinstance(first, cst.SimpleString) else None


def _port_buffer(
    context: Context, before: cst.Call, after: cst.BaseExpression, line: cst.SimpleStatementLine
) -> cst.SimpleStatementLine:
    """`self.register_buffer("name", value, persistent=False)`: a weight where the checkpoint holds it."""
    name = _buffer_name(before)
    assert isinstance(after, cst.Call) and name is not None
    if len(after.args) < 2:
        return line
    value = code_of(after.args[1].value)
    persistent = all(code_of(a.value) != "False" for a in before.args[2:])
    if persistent and value != "None":
        value = f'add_parameter(self, "{name}", {value}, trainable=False)'
    target = cst.parse_expression(f"self.{own_attribute(context, before, name)}")
    return line.with_changes(body=[_assign(target, value)])


def fold_if(
    updated: cst.If, is_elif: bool
) -> cst.BaseStatement | cst.Else | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """An `if` or `elif` whose condition is known goes, or leaves its branch."""
    if updated.orelse is None and _is_empty(updated.body) and not isinstance(updated.test, cst.Call):
        return cst.RemoveFromParent()
    if m.matches(updated.test, m.Name("True")):
        return cst.Else(updated.body) if is_elif else flattened(updated.body, updated.leading_lines)
    if not m.matches(updated.test, m.Name("False")):
        return updated
    if updated.orelse is None:
        return cst.RemoveFromParent()
    if is_elif:
        return updated.orelse
    if isinstance(updated.orelse, cst.If):
        return updated.orelse.with_changes(leading_lines=[*updated.leading_lines, *updated.orelse.leading_lines])
    return flattened(updated.orelse.body, [*updated.leading_lines, *updated.orelse.leading_lines])


def _is_empty(body: cst.BaseSuite) -> bool:
    return all(m.matches(statement, m.SimpleStatementLine(body=[m.Pass()])) for statement in body.body)


def flattened(
    body: cst.BaseSuite, above: Sequence[cst.EmptyLine]
) -> cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """A block's statements without their header, whose comments stay above them."""
    statements = list(body.body) if isinstance(body, cst.IndentedBlock) else []
    if not statements:
        return cst.RemoveFromParent()
    first = statements[0]
    if isinstance(first, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
        statements[0] = first.with_changes(leading_lines=[*above, *first.leading_lines])
    return cst.FlattenSentinel(statements)


def fold_boolean(updated: cst.BooleanOperation) -> cst.BaseExpression:
    """`False or x` is x, `True and x` is x."""
    neutral, absorbing = ("False", "True") if isinstance(updated.operator, cst.Or) else ("True", "False")
    if m.matches(updated.left, m.Name(neutral)):
        return updated.right
    if m.matches(updated.right, m.Name(neutral)):
        return updated.left
    if m.matches(updated.left, m.Name(absorbing)):
        return updated.left
    return updated
