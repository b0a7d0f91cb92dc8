"""What PyTorch writes in place becomes an assignment: tensors are values in TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.binding import bind_call
from porter.rewrite.expressions.brackets import indices, read_subscript
from porter.rewrite.expressions.declared import note
from porter.rewrite.expressions.operators import augmented
from porter.rewrite.reading.holders import may_hold
from porter.rewrite.reading.in_place_calls import written_at_root, written_by
from porter.rewrite.reading.views_in_file import view_name, viewed
from porter.rulebook import Arg, Call, CannotBind, Signature, Unknown
from porter.rulebook.call import code_of
from porter.rulebook.results import Nothing
from porter.rulebook.signature import Bound
from porter.rulebook.subscripts import subscript_assignment
from porter.rulebook.template import parenthesised, translate
from porter.rulebook.views import find_view, with_new


def assignment(context: Context, before: cst.BaseSmallStatement, after: cst.BaseSmallStatement) -> cst.Assign | None:
    """The assignment that stands for a statement that writes into a tensor; None for every other statement."""
    if isinstance(before, cst.Expr) and isinstance(after, cst.Expr):
        return _of_call(context, before, after)
    if isinstance(before, cst.Assign) and isinstance(after, cst.Assign):
        return _of_part(context, before, after)
    if isinstance(before, cst.AugAssign) and isinstance(after, cst.AugAssign):
        return _of_changed_part(context, before, after)
    return None


def _of_call(context: Context, before: cst.Expr, after: cst.Expr) -> cst.Assign | None:
    """`x.add_(y)`, `torch.relu_(x)` and `torch.add(x, y, out=x)`."""
    if not isinstance(before.value, cst.Call):
        return None
    place = _out_argument(before.value)
    if place is None:
        place = written_by(context.knowledge, before.value)
    return None if place is None else _assign_back(context, place, after.value)


def _out_argument(call: cst.Call) -> cst.BaseExpression | None:
    """Where `torch.cat(tensors, out=x)` writes to."""
    return next((a.value for a in call.args if a.keyword is not None and a.keyword.value == "out"), None)


def _assign_back(context: Context, receiver: cst.BaseExpression, value: cst.BaseExpression) -> cst.Assign | None:
    """`x.add_(y)` is `x = x + y`, `x[i].add_(y)` an assignment to that part of x."""
    return None if isinstance(value, Nothing) else stored(context, receiver, value)


def _with_ported_parts(context: Context, node: cst.Subscript) -> cst.Subscript:
    """The brackets as they stand, behind and around what is ported."""
    return node.with_changes(
        value=context.port(node.value),
        slice=[e.with_changes(slice=_ported_slice(context, e.slice)) for e in node.slice],
    )


def _ported_slice(context: Context, part: cst.BaseSlice) -> cst.BaseSlice:
    if isinstance(part, cst.Index):
        return part.with_changes(value=context.port(part.value))
    bounds = {name: getattr(part, name) for name in ("lower", "upper", "step")}
    return part.with_changes(**{name: context.port(bound) for name, bound in bounds.items() if bound is not None})


def _of_part(context: Context, before: cst.Assign, after: cst.Assign) -> cst.Assign | None:
    """`x[i] = y` and `x.data = y`."""
    target = before.targets[0].target
    if len(before.targets) == 1 and _is_data(context, target):
        return stored(context, target, after.value)
    if len(before.targets) != 1 or not isinstance(target, cst.Subscript):
        return None
    if not context.knowledge.is_tensor(target.value):
        _note_unknown(context, target)
        return None
    new = cst.ensure_type(after.targets[0].target, cst.Subscript)
    code = _assigned_subscript(context, target, new, after.value, before.value)
    return None if code is None else stored(context, target.value, cst.parse_expression(code))


def _note_unknown(context: Context, target: cst.Subscript) -> None:
    """A Note on `x[i] = y` where neither a run nor the text says whether x is a tensor or holds others."""
    if context.fact(target.value) is None and not may_hold(context.knowledge, target):
        code = code_of(target.value)
        message = f"the assignment to `{code_of(target)}` was kept: no run has shown what `{code}` is."
        context.note(target, "left", message, "give inputs or a configuration with --sample that reach the line")


def _is_data(context: Context, target: cst.BaseExpression) -> bool:
    """Whether it is `x.data` of a tensor."""
    is_named = isinstance(target, cst.Attribute) and target.attr.value == "data"
    return is_named and context.knowledge.is_tensor(cst.ensure_type(target, cst.Attribute).value)


def _of_changed_data(context: Context, before: cst.AugAssign, after: cst.AugAssign) -> cst.Assign | None:
    """`x.data += y`."""
    target = cst.ensure_type(before.target, cst.Attribute)
    after = augmented(context, before, after)
    operator = code_of(after.operator).strip().removesuffix("=")
    value = f"{code_of(parenthesised(context.port(target.value)))} {operator} {code_of(parenthesised(after.value))}"
    return stored(context, target, cst.parse_expression(value))


def _of_changed_part(context: Context, before: cst.AugAssign, after: cst.AugAssign) -> cst.Assign | None:
    """`x[i] += y` and `x.data += y`."""
    target = before.target
    if _is_data(context, target):
        return _of_changed_data(context, before, after)
    if not isinstance(target, cst.Subscript):
        return None
    if not context.knowledge.is_tensor(target.value):
        _note_unknown(context, target)
        return None
    after = augmented(context, before, after)
    new = cst.ensure_type(after.target, cst.Subscript)
    # a mask chooses the same part for reading and writing, which then is not read: see subscript_assignment
    is_masked = any(index.is_mask for index in indices(context, target, new))
    read = new if is_masked else read_subscript(context, target, new)
    operator = code_of(after.operator).strip().removesuffix("=")
    value = cst.parse_expression(f"{code_of(read)} {operator} {code_of(parenthesised(after.value))}")
    code = _assigned_subscript(context, target, new, value, before.value)
    return None if code is None else stored(context, target.value, cst.parse_expression(code))


def stored(context: Context, place: cst.BaseExpression, value: cst.BaseExpression) -> cst.Assign | None:
    """`place = value`, where a place that is a view of a tensor means that tensor: `y.view(-1)` becomes all of y.

    `x.mul_(y)` as a place is x itself.
    """
    place = written_at_root(context.knowledge, place)
    while (whole := viewed(context.knowledge, place)) is not None:
        code = _assigned_whole(context, place, value)
        if code is None:
            return None
        place, value = whole, cst.parse_expression(code)
    target = context.port(place) if isinstance(place, cst.Name) else place
    if isinstance(target, cst.Subscript) and context.knowledge.is_tensor(target.value):
        return None  # chosen by a tensor, which copies: nothing else is written to
    if not isinstance(target, (cst.Name, cst.Attribute, cst.Subscript)) or not _is_place(context, target):
        context.note(place, "left", f"what is written into `{code_of(place)}` is lost: it has no name.")
        return None
    return cst.Assign([cst.AssignTarget(target)], value)


def _is_place(context: Context, target: cst.BaseExpression) -> bool:
    """Whether it is a variable, an attribute of an object, or an element of a list or dictionary that is one."""
    if isinstance(target, cst.Subscript):
        return _is_place(context, target.value)
    is_of_tensor = isinstance(target, cst.Attribute) and context.knowledge.is_tensor(target.value)
    return isinstance(target, (cst.Name, cst.Attribute)) and not is_of_tensor


def joined(context: Context, parts: cst.BaseExpression, names: Sequence[str]) -> cst.Assign | None:
    """The tensor that was divided into parts, made of all of them again."""
    whole = viewed(context.knowledge, parts)
    code = _assigned_whole(context, parts, cst.parse_expression(f"[{', '.join(names)}]"))
    return None if whole is None or code is None else stored(context, whole, cst.parse_expression(code))


def _assigned_whole(context: Context, place: cst.BaseExpression, value: cst.BaseExpression) -> str | None:
    """What a tensor becomes when a view of it gets a value."""
    if isinstance(place, cst.Subscript):
        return _assigned_subscript(context, place, _with_ported_parts(context, place), value)
    name = view_name(context.knowledge, place) or ""
    view = find_view(name)
    try:
        assert view is not None and isinstance(place, (cst.Call, cst.Attribute))
        signature = next(s for s in view.rule.signatures if s.name == name)
        new = Arg(value, value, context.fact(place))
        code = code_of(translate(view.rule, with_new(_bound(context, signature, place), new)))
    except (Unknown, CannotBind) as error:
        context.note(place, "left", f"what is written into `{code_of(place)}` is lost: {error}.")
        return None
    note(context, place, view.remark)
    return code


def _bound(context: Context, signature: Signature, place: cst.Call | cst.Attribute) -> Call:
    if isinstance(place, cst.Attribute):
        return Call(signature, Bound({"input": context.arg(place.value, context.port(place.value))}), None)
    arguments = [argument.with_changes(value=context.port(argument.value)) for argument in place.args]
    owner = place.func
    if isinstance(owner, cst.Attribute):
        owner = owner.with_changes(value=context.port(owner.value)) if signature.is_method else owner
    return bind_call(context, signature, place, place.with_changes(func=owner, args=arguments))


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
