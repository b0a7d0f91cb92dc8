"""Constructors: torch layers by their card, the file's own classes under their new name, containers as lists."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context, tf_name
from porter.rewrite.expressions.attributes import gives_bias
from porter.rewrite.expressions.nested import construct_nested
from porter.rewrite.reading.kept import Kept, kept_in
from porter.rewrite.reading.knowledge import Callee
from porter.rewrite.reading.main_layer import main_layer_name
from porter.rewrite.reading.source import Source
from porter.rulebook import Call, CannotBind, Card, Signature, Unknown, bind, find_card, find_rule
from porter.rulebook.call import Arg, code_of
from porter.rulebook.template import fill, parenthesised, translate

CONTAINERS = frozenset(f"torch.nn.{held}{kind}" for held in ("Module", "Parameter") for kind in ("List", "Dict"))


def construct(context: Context, original: cst.Call, updated: cst.Call, callee: Callee) -> cst.BaseExpression:
    """The port of a constructor call."""
    name = callee.name
    if name is None or name.startswith("local."):
        return _construct_local(context, original, updated, callee)
    if name in context.knowledge.nested:
        return construct_nested(updated, context.knowledge.nested[name])
    if name in CONTAINERS:
        return _container(original, updated, name)
    if name in ("torch.nn.Parameter", "torch.nn.Buffer"):
        return _construct_weight(context, original, updated, name)
    card = find_card(name)
    if card is not None:
        return _construct_layer(context, original, updated, card, name)
    if name.startswith("torch.") and name.rpartition(".")[2] in context.runtime:
        return updated.with_changes(func=cst.Name(name.rpartition(".")[2]))
    if name.startswith("torch."):
        return _by_rule_or_note(context, original, updated, name)
    if name.startswith("transformers.modeling_outputs."):
        return updated.with_changes(func=cst.Name(tf_name(name.rpartition(".")[2])))
    if name.startswith("transformers.") and name.rpartition(".")[2] not in context.runtime:
        _note_foreign(context, original, name)
    return updated


def _note_foreign(context: Context, original: cst.Call, name: str) -> None:
    if "configuration" in name or name.endswith("Config"):
        return
    context.note(original, "left", f"{name} has no counterpart in porter.runtime; the constructor was kept.")


def _construct_local(context: Context, original: cst.Call, updated: cst.Call, callee: Callee) -> cst.BaseExpression:
    names = [name.removeprefix("local.") for name in sorted(callee.names)]
    local = context.source.classes.get(names[0])
    if local is None or local.kind not in ("model", "layer"):
        return updated
    if local.torch_base is not None and not any(f"{b}.__init__" in context.source.functions for b in local.lineage):
        return _construct_inherited(context, original, updated, local.torch_base)
    updated = updated.with_changes(args=[argument for argument in updated.args if argument.star != "**"])
    main = main_layer_name(context.source, names[0]) if len(names) == 1 else None
    if main is not None and local.kind == "model":
        return updated.with_changes(func=cst.Name(main))
    return updated


def _construct_inherited(
    context: Context, original: cst.Call, updated: cst.Call, torch_base: str
) -> cst.BaseExpression:
    """A class of the file that is constructed as the torch layer it inherits from."""
    card = find_card(torch_base)
    layer = _construct_layer(context, original, updated, card, torch_base) if card is not None else updated
    if not isinstance(layer, cst.Call) or layer is updated:
        return updated
    if code_of(layer.func) != "built":
        return layer.with_changes(func=updated.func)
    inner = layer.args[0].value
    assert isinstance(inner, cst.Call)
    first = layer.args[0].with_changes(value=inner.with_changes(func=updated.func))
    return layer.with_changes(args=[first, *layer.args[1:]])


def _container(original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
    """Lists and dictionaries of modules and parameters are plain ones, which Keras tracks by itself."""
    empty = "[]" if name.endswith("List") else "{}"
    if not updated.args:
        return cst.parse_expression(empty)
    inner = updated.args[0].value
    if isinstance(inner, cst.GeneratorExp):
        return cst.ListComp(elt=inner.elt, for_in=inner.for_in)
    return parenthesised(inner) if isinstance(inner, cst.BinaryOperation) else inner


def _construct_layer(
    context: Context, original: cst.Call, updated: cst.Call, card: Card, name: str
) -> cst.BaseExpression:
    try:
        signature = next(s for s in card.signatures if s.name == name)
        call = bind_constructor(context, signature, original, updated)
        layer = translate(card, call)
        shape = code_of(fill(card.build, call)) if card.build else None
    except (Unknown, CannotBind) as error:
        context.note(original, "left", f"{name}: {error}; the layer was kept.", f"porter rules {name}")
        return updated
    kept = kept_in(context.source, original)
    if _may_be_tied(context.source, kept):
        layer = _tied(layer)
    if shape is None:
        return layer
    owner = context.source.enclosing_class(original) or ""
    if kept is not None and kept.directly and context.builds_later(owner, kept.attribute, shape, original):
        return layer
    return cst.parse_expression(f"built({code_of(layer)}, {shape})")


def _may_be_tied(source: Source, kept: Kept | None) -> bool:
    """Whether the weight of a layer that is kept there, or of one of those that are, is tied to another."""
    paths = [path.split(".") for path in _tied_layers(source)]
    return kept is not None and any(kept.attribute in path[-1 if kept.directly else -2 :] for path in paths)


@lru_cache(maxsize=8)
def _tied_layers(source: Source) -> frozenset[str]:
    """The paths of layers whose weight is tied to another: "cls.predictions.decoder", "self.decoder".

    By what a model's class declares, or by an assignment, `self.decoder.weight = self.embed.weight`.
    """
    models = (getattr(source.module, name) for name, local in source.classes.items() if local.kind == "model")
    keys = [key for model in models for key in (getattr(model, "_tied_weights_keys", None) or ())]
    for node in source.find(source.tree, cst.Assign):
        if m.matches(node, _TIES):
            keys += [code_of(node.targets[0].target), code_of(node.value)]
    return frozenset(key.removesuffix(".weight") for key in keys if key.endswith(".weight") and "." in key)


_WEIGHT = m.Attribute(attr=m.Name("weight"))
_TIES = m.Assign(targets=[m.AssignTarget(_WEIGHT)], value=_WEIGHT)


def _tied(layer: cst.BaseExpression) -> cst.BaseExpression:
    """A dense layer that can borrow its kernel from an embedding."""
    if isinstance(layer, cst.Call) and code_of(layer.func) == "keras.layers.Dense":
        return layer.with_changes(func=cst.Name("TiedDense"))
    return layer


def bind_constructor(context: Context, signature: Signature, original: cst.Call, updated: cst.Call) -> Call:
    """A layer's constructor call with its arguments bound to torch's signature.

    `updated` may lack the first arguments, such as the class in `skip_init(nn.Linear, 4, 3)`.
    """
    given = original.args[len(original.args) - len(updated.args) :]
    positional: list[Arg] = []
    keywords: dict[str, Arg] = {}
    for before, after in zip(given, updated.args, strict=True):
        if before.star == "**":
            continue
        argument = context.arg(before.value, after.value, starred=before.star == "*")
        if before.keyword is None:
            positional.append(argument)
        elif before.keyword.value not in ("device", "dtype"):
            keywords[before.keyword.value] = argument
    if any(a.starred for a in positional) and not any(p.variadic for p in signature.parameters):
        raise CannotBind("starred arguments stand here")
    return Call(signature, bind(signature, positional, keywords), None)


def _construct_weight(context: Context, original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
    """`nn.Parameter(value)` and persistent buffers become weights, other buffers stay plain constants."""
    if not updated.args:
        return updated
    value = updated.args[0].value
    persistent = not any(
        a.keyword and a.keyword.value == "persistent" and code_of(a.value) == "False" for a in original.args
    )
    kept = kept_in(context.source, original)
    if name == "torch.nn.Buffer" and not persistent:
        return value
    if gives_bias(context, context.source.parents.get(original)):
        return value
    if kept is None or (not kept.directly and name == "torch.nn.Buffer"):
        context.note(original, "assumed", f"{name} is not stored in an attribute here; its value stands for it.")
        return value
    trainable = "" if name == "torch.nn.Parameter" else ", trainable=False"
    return cst.parse_expression(f'add_parameter(self, "{kept.attribute}", {code_of(value)}{trainable})')


def _by_rule_or_note(context: Context, original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
    found = find_rule(name)
    if found is not None:
        try:
            signature = next(s for s in found.signatures if s.name == name)
            return translate(found, bind_constructor(context, signature, original, updated))
        except (Unknown, CannotBind) as error:
            context.note(original, "left", f"{name}: {error}; the call was kept.", f"porter rules {name}")
            return updated
    if not m.matches(original.func, m.Name("super")):
        context.note(original, "left", f"{name} has no layer card; the call was kept.", f"porter rules --stub {name}")
    return updated
