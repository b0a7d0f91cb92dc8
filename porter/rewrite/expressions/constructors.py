"""Constructors: torch layers by their card, the file's own classes under their new name, containers as lists."""

from __future__ import annotations

import inspect

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.expressions.attributes import gives_bias
from porter.rewrite.expressions.class_values import spread_call
from porter.rewrite.expressions.layer_shapes import bound, card_for, is_built_later, signature_of, spreads_options
from porter.rewrite.reading.kept import Kept
from porter.rewrite.reading.made import Made, made_by
from porter.rewrite.reading.main_layer import main_layer_name
from porter.rewrite.reading.open_axes import has_open_axis
from porter.rulebook import CannotBind, Unknown, find_card, find_rule
from porter.rulebook.call import code_of
from porter.rulebook.template import fill, parenthesised, translate

CONTAINERS = frozenset(f"torch.nn.{held}{kind}" for held in ("Module", "Parameter") for kind in ("List", "Dict"))

_NORM = "keras.layers.LayerNormalization("
_SIZED_NORM = "SizedLayerNormalization"


def construct(context: Context, original: cst.Call, updated: cst.Call, made: Made) -> cst.BaseExpression:
    """The port of a constructor call."""
    given = updated.args[len(updated.args) - len(made.arguments) :]
    updated = updated.with_changes(func=context.port(made.function), args=given)
    name = made.callee.name
    if name is None or name.startswith("local."):
        return _construct_local(context, original, updated, made)
    if name in context.knowledge.nested:
        port = context.knowledge.nested[name]
        return updated.with_changes(func=cst.Name(port.layer), args=_taken(context, made, updated))
    if name in CONTAINERS:
        return _container(context, original, updated, name)
    if name in ("torch.nn.Parameter", "torch.nn.Buffer"):
        return _construct_weight(context, original, updated, name)
    if find_card(name) is not None:
        return _construct_layer(context, original, updated, made)
    if name.startswith("torch.") and name.rpartition(".")[2] in context.runtime:
        return updated.with_changes(func=cst.Name(name.rpartition(".")[2]))
    if name.startswith("torch."):
        return _by_rule_or_note(context, original, updated, made)
    if name.startswith("transformers.modeling_outputs."):
        return updated.with_changes(func=cst.Name(tf_name(name.rpartition(".")[2])))
    if name.startswith("transformers.") and name.rpartition(".")[2] not in context.runtime:
        _note_foreign(context, original, name)
    return updated


def _note_foreign(context: Context, original: cst.Call, name: str) -> None:
    if "configuration" in name or name.endswith("Config"):
        return
    context.note(original, "left", f"{name} has no counterpart in porter.runtime; the constructor was kept.")


def _construct_local(context: Context, original: cst.Call, updated: cst.Call, made: Made) -> cst.BaseExpression:
    names = [name.removeprefix("local.") for name in sorted(made.callee.names)]
    local = context.source.classes.get(names[0])
    if local is None or local.kind not in ("model", "layer"):
        return updated
    if card_for(context, made) is not None:
        return _construct_inherited(context, original, updated, made)
    updated = updated.with_changes(args=_taken(context, made, updated))
    main = main_layer_name(context.knowledge, names[0]) if len(names) == 1 else None
    if main is not None and local.kind == "model":
        return updated.with_changes(func=cst.Name(main))
    return updated


def _taken(context: Context, made: Made, updated: cst.Call) -> list[cst.Arg]:
    """The arguments that the port of a class takes: without PyTorch's device, and `**options` that hold nothing."""
    function = getattr(context.source.resolve(made.function), "__init__", None)
    names = list(inspect.signature(function).parameters)[1:] if inspect.isfunction(function) else []
    return [
        after
        for at, (before, after) in enumerate(zip(made.arguments, updated.args, strict=True))
        if (before.star != "**" or spreads_options(context, before))
        and (before.keyword is None or before.keyword.value != "device")
        and not (before.keyword is None and not before.star and names[at : at + 1] == ["device"])
    ]


def _construct_inherited(context: Context, original: cst.Call, updated: cst.Call, made: Made) -> cst.BaseExpression:
    """A class of the file that is constructed as the torch layer it inherits from."""
    layer = _construct_layer(context, original, updated, made)
    if not isinstance(layer, cst.Call) or layer is updated:
        return updated
    if code_of(layer.func) != "built":
        return layer.with_changes(func=updated.func)
    inner = layer.args[0].value
    assert isinstance(inner, cst.Call)
    first = layer.args[0].with_changes(value=inner.with_changes(func=updated.func))
    return layer.with_changes(args=[first, *layer.args[1:]])


def _container(context: Context, original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
    """Lists and dictionaries of modules and parameters are plain ones, which Keras tracks by itself."""
    is_list = name.endswith("List")
    if not updated.args:
        return cst.parse_expression("[]" if is_list else "{}")
    inner, given = updated.args[0].value, original.args[0].value
    if isinstance(inner, cst.GeneratorExp) and is_list:
        return cst.ListComp(elt=inner.elt, for_in=inner.for_in)
    if _is_iterator(context, given) if is_list else _holds_pairs(context, given):
        return cst.parse_expression(f"{'list' if is_list else 'dict'}({code_of(inner)})")
    return parenthesised(inner) if isinstance(inner, cst.BinaryOperation) else inner


def _is_iterator(context: Context, node: cst.BaseExpression) -> bool:
    """`map(...)`, `parts.values()` and the like, which can be gone through once."""
    if not isinstance(node, cst.Call):
        return False
    views = m.Attribute(attr=m.Name("values") | m.Name("keys") | m.Name("children"))
    lazy = ("builtins.map", "builtins.filter", "builtins.zip", "builtins.reversed")
    return m.matches(node.func, views) or context.source.canonical(node.func) in lazy


def _holds_pairs(context: Context, node: cst.BaseExpression) -> bool:
    """`[("norm", norm)]`, `zip(names, layers)` and `parts.items()`, of which PyTorch makes a dictionary."""
    pairs = (cst.List, cst.Tuple, cst.ListComp, cst.GeneratorExp)
    items = m.Call(func=m.Attribute(attr=m.Name("items")))
    return isinstance(node, pairs) or m.matches(node, items) or _is_iterator(context, node)


def _construct_layer(context: Context, original: cst.Call, updated: cst.Call, made: Made) -> cst.BaseExpression:
    found = card_for(context, made)
    assert found is not None  # those who call this have asked
    card, name = found
    spread = spread_call(context, made, updated, name)
    if spread is not None:
        return spread
    try:
        call = bound(context, signature_of(card, name), made.arguments, updated.args)
        layer = translate(card, call)
        shape = code_of(fill(card.build, call)) if card.build else None
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{name}: {error}; the layer was kept.", f"porter rules {name}")
        return updated
    if shape is not None and _is_made_by_a_call(context, original):
        message = f"{name} is made when the model is called; Keras makes weights with the model, so it raises here."
        context.note(original, "left", message, "make the layer in the constructor")
    places = context.knowledge.constructors.kept_anywhere(original)
    if any(_may_be_tied(context, kept) for kept in places):
        layer = _tied(layer)
    if code_of(layer).startswith(_NORM) and any(_has_open_axis(context, original, kept) for kept in places):
        layer = cst.ensure_type(layer, cst.Call).with_changes(func=cst.Name(_SIZED_NORM))
    if shape is None or is_built_later(context, original, shape):
        return layer
    return cst.parse_expression(f"built({code_of(layer)}, {shape})")


def _is_made_by_a_call(context: Context, original: cst.Call) -> bool:
    """Whether a layer comes into being when another one is called, not when it is constructed."""
    function = context.source.enclosing(original)
    return function is not None and function.name in context.flow.running


def _may_be_tied(context: Context, kept: Kept) -> bool:
    """Whether the weight of a layer that is kept there, or of one of those that are, is tied to another."""
    paths = [path.split(".") for path in context.knowledge.constructors.tied]
    return any(kept.attribute in path[-1 if kept.directly else -2 :] for path in paths)


def _has_open_axis(context: Context, original: cst.Call, kept: Kept) -> bool:
    """Whether a graph may not know how wide the input is of a layer that is kept there."""
    owner = context.source.enclosing_class(original)
    if owner is None or not kept.directly or _SIZED_NORM not in context.runtime:
        return False
    return has_open_axis(context.knowledge, context.flow.sites.values(), owner, kept.attribute)


def _tied(layer: cst.BaseExpression) -> cst.BaseExpression:
    """A dense layer that can borrow its kernel from an embedding."""
    if isinstance(layer, cst.Call) and code_of(layer.func) == "keras.layers.Dense":
        return layer.with_changes(func=cst.Name("TiedDense"))
    return layer


def _construct_weight(context: Context, original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
    """`nn.Parameter(value)` and persistent buffers become weights, other buffers stay plain constants."""
    if not updated.args:
        return updated
    value = updated.args[0].value
    persistent = not any(
        a.keyword and a.keyword.value == "persistent" and code_of(a.value) == "False" for a in original.args
    )
    kept = context.knowledge.constructors.kept(original)
    if name == "torch.nn.Buffer" and not persistent:
        return value
    if gives_bias(context, context.source.parents.get(original)):
        return value
    if kept is None and _is_handed_over(context, original):
        return value
    if kept is None or (not kept.directly and name == "torch.nn.Buffer"):
        context.note(original, "assumed", f"{name} is not stored in an attribute here; its value stands for it.")
        return value
    trainable = _trainable(updated) if name == "torch.nn.Parameter" else ", trainable=False"
    return cst.parse_expression(f'add_parameter(self, "{kept.attribute}", {code_of(value)}{trainable})')


def _trainable(parameter: cst.Call) -> str:
    """`, trainable=...` for `nn.Parameter(value, requires_grad=...)`, unless it is True."""
    given = [a.value for a in parameter.args if a.keyword is not None and a.keyword.value == "requires_grad"]
    flags = given or [argument.value for argument in parameter.args[1:2] if argument.keyword is None]
    return "" if not flags or code_of(flags[0]) == "True" else f", trainable={code_of(flags[0])}"


def _is_handed_over(context: Context, call: cst.Call) -> bool:
    """Whether a weight goes to the constructor of a layer of the file, which keeps it as its own."""
    holder = context.source.parents.get(context.source.parents[call])
    made = made_by(context.knowledge, holder) if isinstance(holder, cst.Call) and call is not holder.func else None
    return made is not None and all(name.startswith("local.") for name in made.callee.names)


def _by_rule_or_note(context: Context, original: cst.Call, updated: cst.Call, made: Made) -> cst.BaseExpression:
    name = made.callee.name or ""
    found = find_rule(name)
    if found is not None:
        try:
            signature = next(s for s in found.signatures if s.name == name)
            return translate(found, bound(context, signature, made.arguments, updated.args))
        except (Unknown, CannotBind) as error:
            context.note(original, "left", f"{name}: {error}; the call was kept.", f"porter rules {name}")
            return updated
    if not m.matches(original.func, m.Name("super")):
        context.note(original, "left", f"{name} has no layer card; the call was kept.", f"porter rules --stub {name}")
    return updated
