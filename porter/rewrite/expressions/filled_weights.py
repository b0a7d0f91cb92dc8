"""Initial values: what PyTorch writes to weights in place becomes calls of `porter.runtime.init`."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
import libcst.matchers as m

from porter.facts.initialisers import INITIALISERS
from porter.rewrite.context import Context
from porter.rewrite.reading.filling import has_own, is_made_here, is_weight_name, weight_name
from porter.rewrite.reading.main_layer import main_layer_name
from porter.rulebook.call import code_of
from porter.rulebook.template import parenthesised

FILLS = frozenset(
    {"normal_", "uniform_", "trunc_normal_", "constant_", "zeros_", "ones_", "copy_", "eye_", "dirac_",
     "xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "orthogonal_", "sparse_",
     "lecun_normal_", "default_flax_embed_init_", "calculate_gain", "calculate_fan_in_and_fan_out"}
)  # fmt: skip
"""The functions of porter.runtime.init."""

# Tensor methods that fill in place -> the functions that do the same.
_METHODS = {"normal_": "normal_", "uniform_": "uniform_", "zero_": "zeros_", "fill_": "constant_", "copy_": "copy_"}
_OPERATORS = {"mul_": "*", "div_": "/", "add_": "+", "sub_": "-"}
_WALKS = {
    "modules": "modules", "named_modules": "named_modules", "parameters": "parameters",
    "named_parameters": "named_parameters", "children": "sublayers", "named_children": "named_children",
    "apply": "apply", "reset_parameters": "reset_parameters", "_reset_parameters": "reset_parameters",
}  # fmt: skip


def fill_attribute(context: Context, original: cst.Attribute, updated: cst.Attribute) -> cst.BaseExpression | None:
    """An attribute in a function that fills weights; None for what is ported as anywhere else."""
    if not context.fills_at(original):
        return None
    name = original.attr.value
    if name == "data":
        return updated.value
    if name in ("shape", "ndim") and context.knowledge.is_tensor(original.value):
        return updated.with_changes(attr=original.attr)
    if name == "padding_idx":
        return cst.parse_expression(f'getattr({code_of(updated.value)}, "padding_idx", None)')
    if name == "__class__":
        context.note(original, "left", "what PyTorch calls a class is asked for")
    if weight_name(context.knowledge, original) is None:
        return None
    if _is_written(context, original):
        context.note(original, "left", f"`{code_of(original)}` is replaced")
        return None
    if has_own(context.knowledge, original) and not _is_taken_apart(context, original):
        return None
    return cst.parse_expression(f'parameter({code_of(updated.value)}, "{name}")')


def _is_written(context: Context, node: cst.Attribute) -> bool:
    parent = context.source.parents.get(node)
    return isinstance(parent, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)) and parent.target is node


def _is_taken_apart(context: Context, node: cst.Attribute) -> bool:
    """Whether a part of the weight is filled: `weight[0]`, `weight.data[0]`."""
    parent: cst.CSTNode | None = context.source.parents.get(node)
    if isinstance(parent, cst.Attribute) and parent.attr.value == "data":
        parent = context.source.parents.get(parent)
    return isinstance(parent, cst.Subscript)


def fill_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """A call in a function that fills weights; None for what is ported as anywhere else."""
    if not context.fills_at(original):
        return None
    canonical = context.source.canonical(original.func) or ""
    if canonical.startswith(INITIALISERS):
        return _filled(context, original, canonical.rpartition(".")[2], updated.args)
    if canonical in ("builtins.hasattr", "builtins.getattr"):
        return _asked(context, original, updated)
    if canonical == "builtins.type" and len(original.args) == 1:
        context.note(original, "left", "what PyTorch calls a class is asked for")
    if not isinstance(original.func, cst.Attribute) or not isinstance(updated.func, cst.Attribute):
        return None
    method, receiver = original.func.attr.value, updated.func.value
    if method in ("reset_parameters", "_reset_parameters") and m.matches(original.func.value, _SUPER):
        return cst.parse_expression("fill_as_torch(self)")
    if method in _WALKS and not _is_own_method(context, original.func):
        return _call(_WALKS[method], [cst.Arg(receiver), *updated.args])
    if is_made_here(context.knowledge, original.func.value) and method not in _METHODS:
        return None
    if not (context.knowledge.is_tensor(original.func.value) or _is_weight(context, original.func.value)):
        return None
    return _of_weight(context, original, method, receiver, updated.args)


_SUPER = m.Call(func=m.Name("super"))


def _is_own_method(context: Context, function: cst.Attribute) -> bool:
    """Whether a method of the file is called on the class's own object."""
    owner = context.source.enclosing_class(function)
    of_self = m.matches(function.value, m.Name("self"))
    return of_self and owner is not None and context.source.method(owner, function.attr.value) is not None


def _is_weight(context: Context, node: cst.BaseExpression) -> bool:
    """Whether it is a weight, its data, or a part of either."""
    while isinstance(node, cst.Subscript) or (isinstance(node, cst.Attribute) and node.attr.value == "data"):
        node = node.value
    return weight_name(context.knowledge, node) is not None


def _of_weight(
    context: Context, original: cst.Call, method: str, receiver: cst.BaseExpression, given: Sequence[cst.Arg]
) -> cst.BaseExpression | None:
    """A method of a weight: it is filled, or asked for its sizes."""
    code = code_of(receiver)
    if method in _METHODS:
        return _filled(context, original, _METHODS[method], [cst.Arg(receiver), *map(_bounds, given)])
    if method in _OPERATORS and len(given) == 1:
        value = code_of(parenthesised(given[0].value))
        init = context.runtime_name("init")
        return cst.parse_expression(f"{init}.copy_({code}, {code} {_OPERATORS[method]} {value})")
    if method == "size":
        return cst.parse_expression(f"{code}.shape[{code_of(given[0].value)}]" if given else f"{code}.shape")
    if method in ("dim", "ndimension"):
        return cst.parse_expression(f"len({code}.shape)")
    if method == "numel":
        return cst.parse_expression(f"math.prod({code}.shape)")
    if method == "detach":
        return receiver
    if method.endswith("_"):
        context.note(original, "left", f"torch.Tensor.{method} has no counterpart that fills a weight")
    return None


def _bounds(argument: cst.Arg) -> cst.Arg:
    """`uniform_(0, to=1)` by the name that the function has."""
    named = argument.keyword is not None and argument.keyword.value == "to"
    return argument.with_changes(keyword=cst.Name("b")) if named else argument


def _filled(context: Context, original: cst.Call, name: str, given: Sequence[cst.Arg]) -> cst.BaseExpression | None:
    """A call of `porter.runtime.init`."""
    name = name.lstrip("_")
    name = name if name in FILLS else f"{name}_"  # as functions were called before they got underscores
    if name not in FILLS:
        context.note(original, "left", f"torch.nn.init.{name} has no counterpart")
        return None
    arguments = []
    for argument in given:
        keyword = argument.keyword.value if argument.keyword is not None else None
        if keyword == "generator":
            continue
        arguments.append(cst.Arg(argument.value) if keyword == "tensor" else argument)
    return _call(f"{context.runtime_name('init')}.{name}", arguments)


def _call(function: str, arguments: Sequence[cst.Arg]) -> cst.Call:
    spaced = [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in arguments]
    return cst.Call(cst.parse_expression(function), spaced)


def _asked(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`hasattr(module, "bias")` and `getattr(module, "bias", None)` of weights."""
    if len(original.args) < 2 or not isinstance(original.args[1].value, cst.SimpleString):
        return None
    name = str(original.args[1].value.evaluated_value)
    if not is_weight_name(context.knowledge, name):
        return None
    found = f'parameter({code_of(updated.args[0].value)}, "{name}")'
    asks = m.matches(original.func, m.Name("hasattr"))
    return cst.parse_expression(f"{found} is not None" if asks else found)


def fill_assignment(
    context: Context, original: cst.BaseSmallStatement, updated: cst.BaseSmallStatement
) -> cst.BaseSmallStatement | None:
    """`module.weight.data = values` in a function that fills weights; None for every other statement."""
    if not isinstance(original, cst.Assign) or not isinstance(updated, cst.Assign) or not context.fills_at(original):
        return None
    if not m.matches(original.targets[0].target, m.Attribute(attr=m.Name("data"))):
        return None
    arguments = [cst.Arg(cst.parse_expression(code_of(updated.targets[0].target))), cst.Arg(updated.value)]
    return cst.Expr(_call(f"{context.runtime_name('init')}.copy_", arguments))


def fill_class(context: Context, node: cst.Name) -> cst.Name | None:
    """The main layer in place of the model that it stands for, where a module's class is asked for."""
    if node.value not in context.source.classes or not context.fills_at(node):
        return None
    asks = m.Call(func=m.Name("isinstance"))
    if not any(m.matches(each, asks) for each in context.source.ancestors(node)):
        return None
    main = main_layer_name(context.knowledge, node.value)
    return cst.Name(main) if main is not None else None


def unfilled(context: Context, original: cst.FunctionDef, ported: cst.FunctionDef) -> str | None:
    """Why a function that fills weights cannot run in the port; None if nothing says so."""
    span = context.source.span(original)
    left = [note for note in sorted(context.notes) if note.level == "left" and span.line <= note.line <= span.end_line]
    if left:
        return f"line {left[0].line}: {left[0].message.rstrip('.')}"
    for name in dict.fromkeys(cst.ensure_type(node, cst.Name).value for node in m.findall(ported.body, m.Name())):
        found = getattr(context.source.module, name, None)
        home = getattr(found, "__name__" if type(found).__name__ == "module" else "__module__", "") or ""
        if home.partition(".")[0] == "torch" and name not in context.runtime and name not in context.source.classes:
            return f"`{name}` has no counterpart"
    return None
