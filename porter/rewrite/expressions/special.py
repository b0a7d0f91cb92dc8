"""Calls and subscripts whose meaning is transformers' own, not torch's."""

from __future__ import annotations

import inspect

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.attributes import own_attribute
from porter.rewrite.expressions.constructors import bind_constructor
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook import CannotBind, Unknown, find_card
from porter.rulebook.call import code_of
from porter.rulebook.template import fill, translate

# No size is zero: one that a graph does not know counts as not.
_ALL_SIZES = m.Call(func=m.Name("all"), args=[m.Arg(m.Call(func=m.Name("shape_list")))])


def special_call(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """The port of such a call; None for every other call."""
    function = context.source.enclosing(original)
    if m.matches(original.func, m.Subscript(value=m.Name("ACT2CLS"))) and not updated.args:
        return updated.func  # an activation is a function already
    if context.source.canonical(original.func) == "builtins.len" and context.knowledge.is_tensor(
        original.args[0].value
    ):
        return cst.parse_expression(f"shape_list({code_of(updated.args[0].value)})[0]")
    if m.matches(updated, _ALL_SIZES):
        return updated.with_changes(args=[cst.Arg(cst.parse_expression(f"map(possibly, {code_of(updated.args[0])})"))])
    if m.matches(original.func, m.Attribute(attr=m.Name("get_interface"))) and len(updated.args) == 2:
        return updated.args[1].value  # the eager attention function that stands beside the interface's name
    if m.matches(original.func, m.Name("isinstance")) and len(original.args) == 2:
        return _isinstance(context, original, updated)
    if function is not None and function.own_name == "__init__" and not original.args:
        number = _number(context, original, updated)
        if number is not None:
            return number
    if original.args and context.is_of(context.collected, original.args[0].value):
        return _of_collected(context, original, updated)
    is_stack = len(original.args) == 1 and context.source.canonical(original.func) == "torch.stack"
    if is_stack and context.is_of(context.mapped, original.args[0].value):
        return updated.args[0].value
    if m.matches(original.func, m.Name("hasattr")) and len(original.args) == 2:
        return _hasattr(context, original)
    if m.matches(original.func, m.Name("getattr")) and len(original.args) == 2:
        return _dtype_by_name(context, original, updated)
    if function is not None and _is_keywords_read(function, original):
        return _keyword_or_default(context, function, original, updated)
    if m.matches(original.func, m.Attribute(value=m.Call(func=m.Name("super")), attr=m.Name("__init__"))):
        return _super_init(context, original, updated, function)
    return _of_base(context, original, updated, function)


def _of_base(
    context: Context, original: cst.Call, updated: cst.Call, function: LocalFunction | None
) -> cst.BaseExpression | None:
    """`nn.LayerNorm.__init__(self, ...)` and `nn.LayerNorm.forward(self, x)`: what `super()` stands for elsewhere."""
    local = context.source.classes.get(function.class_name or "") if function else None
    name = context.source.canonical(original.func) or ""
    owner, _, method = name.rpartition(".")
    bases = (local.torch_base, "torch.nn.Module") if local is not None else ()
    if owner not in bases or not original.args or not m.matches(original.args[0].value, m.Name("self")):
        return None
    arguments = updated.args[1:]
    call = updated.with_changes(func=cst.parse_expression("super().call"), args=arguments)
    if method == "forward":
        return call
    if method != "__init__":
        return None
    return _super_init(context, original, call.with_changes(func=cst.parse_expression("super().__init__")), function)


def special_subscript(context: Context, original: cst.Subscript, updated: cst.Subscript) -> cst.BaseExpression | None:
    """`ACT2FN[name]` is `get_tf_activation(name)`, `kwargs["x"]` the argument x."""
    name = context.source.canonical(original.value)
    function = context.source.enclosing(original)
    if code_of(original.value) in ("ACT2FN", "ACT2CLS") or name == "transformers.activations.ACT2FN":
        return cst.parse_expression(f"get_tf_activation({code_of(updated.slice[0].slice)})")
    if function is not None and function.keywords and m.matches(original.value, m.Name(function.keywords)):
        index = original.slice[0].slice
        if isinstance(index, cst.Index) and isinstance(index.value, cst.SimpleString):
            key = str(index.value.evaluated_value)
            return cst.Name(key) if key in context.flow.added.get(function.name, ()) else None
    return None


def _is_keywords_read(function: LocalFunction, call: cst.Call) -> bool:
    pattern = m.Attribute(value=m.Name(function.keywords or ""), attr=m.OneOf(m.Name("get"), m.Name("pop")))
    return (
        function.own_name != "__init__"
        and m.matches(call.func, pattern)
        and isinstance(call.args[0].value, cst.SimpleString)
    )


def _keyword_or_default(
    context: Context, function: LocalFunction, original: cst.Call, updated: cst.Call
) -> cst.BaseExpression:
    """`kwargs.get("x", 1)`: the parameter x that stands for it, which is None where the caller gives none."""
    key = str(cst.ensure_type(original.args[0].value, cst.SimpleString).evaluated_value)
    default = updated.args[1].value if len(updated.args) > 1 else cst.Name("None")
    if key not in context.flow.added.get(function.name, ()):
        return default
    if m.matches(default, m.Name("None") | m.Name("False")):
        return cst.Name(key)
    return cst.parse_expression(f"({code_of(default)} if {key} is None else {key})")


def _hasattr(context: Context, original: cst.Call) -> cst.BaseExpression | None:
    """What a torch module has is known here."""
    owner, name = context.source.resolve(original.args[0].value), original.args[1].value
    if not isinstance(name, cst.SimpleString):
        return None
    if m.matches(original.args[0].value, m.Name("self")):
        return cst.parse_expression(f'hasattr(self, "{own_attribute(context, original, str(name.evaluated_value))}")')
    if not inspect.ismodule(owner):
        return None
    return cst.Name(str(hasattr(owner, str(name.evaluated_value))))


def _dtype_by_name(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`getattr(torch, config.dtype)` is the dtype of that name."""
    fact = context.knowledge.traced(original)
    is_torch = getattr(context.source.resolve(original.args[0].value), "__name__", None) == "torch"
    if not is_torch or (fact is not None and not fact.only("dtype")):
        return None
    return cst.parse_expression(f"tf.as_dtype({code_of(updated.args[1].value)})")


def _number(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`x.item()` in a constructor, which no graph runs, is a number; a tensor kept from there could not be asked."""
    fact = context.knowledge.traced(original)
    kind = next(iter(fact.kinds)) if fact is not None and len(fact.kinds) == 1 else ""
    if kind not in ("float", "int", "bool") or not m.matches(updated.func, m.Attribute(attr=m.Name("item"))):
        return None
    return cst.parse_expression(f"{kind}({code_of(cst.ensure_type(updated.func, cst.Attribute).value)})")


def _of_collected(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """`torch.stack` and `torch.cat` of a list that a loop over an unknown size has filled."""
    name = (context.source.canonical(original.func) or "").rpartition(".")[2]
    function = {"stack": "stacked", "cat": "joined", "concat": "joined", "concatenate": "joined"}.get(name)
    if function is None:
        return None
    axis = [f"axis={code_of(argument.value)}" for argument in updated.args[1:2]]
    return cst.parse_expression(f"{function}({', '.join([code_of(updated.args[0].value), *axis])})")


def _isinstance(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    name = context.source.canonical(original.args[1].value)
    if name in ("torch.Tensor", "torch.FloatTensor", "torch.LongTensor"):
        return cst.parse_expression(f"tf.is_tensor({code_of(updated.args[0].value)})")
    card = find_card(name or "")
    if card is None:
        return None
    return cst.parse_expression(f"isinstance({code_of(updated.args[0].value)}, {card.keras_class})")


def _super_init(
    context: Context, original: cst.Call, updated: cst.Call, function: LocalFunction | None
) -> cst.BaseExpression | None:
    local = context.source.classes.get(function.class_name or "") if function else None
    if local is None or function is None or local.kind not in ("layer", "model"):
        return None
    name = function.keywords or "kwargs"
    rest = cst.Arg(cst.Name(name), star="**")
    arguments = [a.with_changes(comma=cst.MaybeSentinel.DEFAULT) for a in updated.args if a.star != "**"]
    if local.torch_base is not None and len(local.lineage) == 1:
        arguments = _torch_arguments(context, original, updated, local.name, local.torch_base)
    return updated.with_changes(args=[*arguments, rest])


def _torch_arguments(context: Context, original: cst.Call, updated: cst.Call, owner: str, base: str) -> list[cst.Arg]:
    card = find_card(base)
    if card is None:
        context.note(
            original, "left", f"{base} has no layer card; its constructor was kept.", f"porter rules --stub {base}"
        )
        return list(updated.args)
    try:
        signature = next(s for s in card.signatures if s.name == base)
        written = original.with_changes(args=original.args[len(original.args) - len(updated.args) :])  # without self
        call = bind_constructor(context, signature, written, updated)
        layer = translate(card, call)
        shape = code_of(fill(card.build, call)) if card.build else "None"
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{base}: {error}; its constructor was kept.")
        return list(updated.args)
    assert isinstance(layer, cst.Call)
    if not context.builds_later(owner, "super()", shape, original):
        context.note(original, "left", f"the input shape {shape} of {owner} cannot be read in build().")
    return list(layer.args)
