"""Attributes: constants of torch, properties of tensors and layers, names that Keras keeps for itself."""

from __future__ import annotations

import inspect

import libcst as cst
import libcst.matchers as m

from porter.facts import Fact
from porter.rewrite.context import Context
from porter.rewrite.expressions.class_values import class_value, is_value
from porter.rewrite.expressions.function_values import function_value
from porter.rewrite.reading.asked import OF_WEIGHTS, reads
from porter.rewrite.reading.main_layer import is_keras_model
from porter.rulebook import Call, Card, Signature, Unknown, find_card, find_rule
from porter.rulebook.call import Arg, code_of
from porter.rulebook.signature import Bound, parse_signature
from porter.rulebook.subscripts import part_of_pair
from porter.rulebook.template import fill, parenthesised, translate
from porter.runtime.layers.reserved import MODEL_NAMES, WRITTEN_METHODS, port_attribute

_TRANSPOSED = m.Call(func=m.Attribute(value=m.Name("tf"), attr=m.Name("transpose")), args=[m.AtLeastN(m.Arg(), n=1)])


def translate_attribute(context: Context, original: cst.Attribute, updated: cst.Attribute) -> cst.BaseExpression:
    """The port of `value.attr` where it is not the function of a call."""
    updated = updated.with_changes(attr=original.attr)
    if _is_member(context, original):
        return cst.parse_expression(f'{code_of(updated.value)}["{original.attr.value}"]')
    if _is_called(context, original):
        return updated.with_changes(attr=cst.Name(ported_attribute(context, original)))
    name = context.source.canonical(original)
    if name is not None and name.startswith(("torch.", "transformers.")):
        return _constant(context, original, updated, name)
    attribute = original.attr.value
    if attribute in ("gradient_checkpointing", "is_activation_checkpointing") and not isinstance(
        context.source.parents[original], cst.AssignTarget
    ):
        return cst.Name("False")
    if attribute == "training" and context.has_training(original):
        return cst.Name("training")
    owner = context.fact(original.value) or _own_layer(context, original.value)
    reduced = part_of_pair(code_of(updated.value), attribute) if attribute in ("values", "indices") else None
    if reduced is not None:
        return cst.parse_expression(reduced)
    kind = _ruled_class(context, original, owner)
    if attribute == "dtype" and m.matches(updated.value, _TRANSPOSED):
        updated = updated.with_changes(value=cst.ensure_type(updated.value, cst.Call).args[0].value)
    if kind is not None:
        return _ruled_attribute(context, original, updated, kind)
    if attribute == "dtype" and owner is not None and owner.only("module") and not _sets_own_dtype(context, original):
        return cst.parse_expression(f"tf.as_dtype({code_of(updated.value)}.compute_dtype)")
    if owner is not None and owner.only("module"):
        return _layer_attribute(context, original, updated, owner.names)
    return updated.with_changes(attr=cst.Name(ported_attribute(context, original)))


def _own_layer(context: Context, node: cst.BaseExpression) -> Fact | None:
    """`self` where no run came by, in a class that inherits from a layer of torch."""
    local = context.source.classes.get(context.source.enclosing_class(node) or "")
    if local is None or local.torch_base is None or not m.matches(node, m.Name("self")):
        return None
    return Fact(kinds=frozenset({"module"}), names=frozenset({f"local.{local.name}"}))


def _is_member(context: Context, node: cst.Attribute) -> bool:
    """`self.parts.norm` of a ModuleDict or a ParameterDict, which are dictionaries in the port."""
    owner = context.fact(node.value)
    is_dict = owner is not None and owner.only("module") and owner.names and owner.names <= _DICTIONARIES
    return bool(is_dict) and not hasattr(dict, node.attr.value)


_DICTIONARIES = frozenset({"torch.nn.ModuleDict", "torch.nn.ParameterDict"})


def ported_attribute(context: Context, node: cst.Attribute) -> str:
    """The attribute's name; with an underscore behind where Keras keeps the name for itself."""
    name = node.attr.value
    if name not in MODEL_NAMES:
        return name
    owners = _owner_classes(context, node)
    return f"{name}_" if any(_is_renamed(context, owner, name) for owner in owners) else name


def own_attribute(context: Context, node: cst.CSTNode, name: str) -> str:
    """The ported name of an attribute that the class around `node` sets on itself."""
    owner = context.source.enclosing_class(node)
    return f"{name}_" if owner is not None and name in MODEL_NAMES and _is_renamed(context, owner, name) else name


def _owner_classes(context: Context, node: cst.Attribute) -> list[str]:
    if m.matches(node.value, m.Name("self") | m.Name("cls")):
        owner = context.source.enclosing_class(node)
        return [owner] if owner else []
    if isinstance(node.value, cst.Name) and inspect.isclass(context.source.resolve(node.value)):
        return [node.value.value]
    fact = context.fact(node.value)
    if fact is None or not fact.only("module"):
        return []
    return [name.removeprefix("local.") for name in fact.names if name.startswith("local.")]


def _is_renamed(context: Context, owner: str, name: str) -> bool:
    local = context.source.classes.get(owner)
    if local is None or local.kind not in ("model", "layer"):
        return False
    if context.source.method(owner, name) is not None:
        return name in WRITTEN_METHODS
    children = context.knowledge.children(owner)
    owned = name in children or f"{name}.*" in children or _sets(context, owner, name)
    is_model = is_keras_model(context.knowledge, owner)
    return owned and port_attribute(name, is_model=is_model) != name


def _sets(context: Context, owner: str, name: str) -> bool:
    """Whether the class stores something of its own under this name."""
    seen = context.knowledge.facts.modules.get(owner)
    if seen is not None and (name in seen.buffers or name in seen.parameters):
        return True
    return any(store.attribute == name for store in context.knowledge.constructors.stored_anywhere(owner))


def _is_called(context: Context, node: cst.Attribute) -> bool:
    parent = context.source.parents.get(node)
    return isinstance(parent, cst.Call) and parent.func is node


def _constant(context: Context, original: cst.Attribute, updated: cst.Attribute, name: str) -> cst.BaseExpression:
    parent = context.source.parents.get(original)
    if isinstance(parent, cst.Attribute):
        return updated
    if name.startswith("transformers.modeling_outputs."):
        return cst.Name(f"TF{name.rpartition('.')[2]}")
    layer = layer_value(context, original, name)
    if layer is not None:
        return layer
    found = find_rule(name)
    if found is None:
        return updated
    if not found.signatures[0].is_call:
        return translate(found, Call(found.signatures[0], Bound(), None))
    value = function_value(context, original, name, found)
    if value is None:
        context.note(original, "left", f"{name} is a value here, and its rule needs to know what it is called with.")
    return value or updated


def _sets_own_dtype(context: Context, node: cst.Attribute) -> bool:
    return any(_is_renamed(context, owner, "dtype") for owner in _owner_classes(context, node))


def layer_class(name: str) -> str | None:
    """The Keras class of a torch layer class, for code that handles the class itself."""
    card = find_card(name)
    return next(iter(card.cases.values())).partition("(")[0] if card is not None else None


def layer_value(context: Context, node: cst.BaseExpression, name: str) -> cst.BaseExpression | None:
    """What stands for a torch layer class that is not called: a function that makes it, or its Keras class."""
    if is_value(context.knowledge, node, name):
        return class_value(context, name)
    layer = layer_class(name)
    return cst.parse_expression(layer) if layer is not None else None


def _ruled_class(context: Context, node: cst.Attribute, owner: Fact | None) -> str | None:
    """The class of torch whose attribute this is, if its attributes have rules: a tensor, a device, limits."""
    if owner is not None and owner.is_tensor:
        return "torch.Tensor"
    if (owner is not None and owner.only("device")) or m.matches(node.value, m.Attribute(attr=m.Name("device"))):
        return "torch.device"
    if inspect.ismodule(context.source.resolve(node.value)):
        return None
    if owner is not None and owner.only("other") and len(owner.names) == 1:
        name = next(iter(owner.names))
    else:
        name = context.source.canonical(node.value.func) or "" if isinstance(node.value, cst.Call) else ""
    return name if find_rule(f"{name}.{node.attr.value}") is not None else None


def _ruled_attribute(
    context: Context, original: cst.Attribute, updated: cst.Attribute, kind: str
) -> cst.BaseExpression:
    name = f"{kind}.{original.attr.value}"
    found = find_rule(name)
    signature = next((s for s in found.signatures if s.name == name), None) if found is not None else None
    if found is None or signature is None or signature.is_call:
        return updated
    call = Call(
        signature, Bound({"input": context.arg(original.value, updated.value)}), context.knowledge.traced(original)
    )
    try:
        return translate(found, call)
    except Unknown as error:
        context.note(original, "left", f"{signature.name}: {error}; the attribute was kept.")
        return updated


def _layer_attribute(
    context: Context, original: cst.Attribute, updated: cst.Attribute, names: frozenset[str]
) -> cst.BaseExpression:
    if _hands_on_weight(context, original, names):
        return cst.parse_expression(f"weight_of({code_of(updated.value)})")
    if _asks_for_weight(context, original, names):
        updated = updated.with_changes(value=cst.parse_expression(f"made_now({code_of(updated.value)})"))
    for name in sorted(names):
        card = card_of(context, name)
        template = card.attributes.get(original.attr.value) if card is not None else None
        if template is not None:
            return fill_attribute(template, updated.value)
    return updated.with_changes(attr=cst.Name(ported_attribute(context, original)))


def _asks_for_weight(context: Context, node: cst.Attribute, names: frozenset[str]) -> bool:
    """Whether a constructor reads a weight, or its shape: it is made there, earlier than others are."""
    asks = context.source.in_init(node) and node.attr.value in OF_WEIGHTS and reads(context.source, node)
    return asks and any(_has_weight(context, name, node.attr.value) for name in names)


def _has_weight(context: Context, name: str, attribute: str) -> bool:
    """Whether it is a weight of a layer, not a value of the class's own such as `self.bias = config.bias`."""
    if card_of(context, name) is not None or not name.startswith("local."):
        return True
    seen = context.knowledge.facts.modules.get(name.removeprefix("local."))
    return seen is None or attribute in seen.parameters


def _hands_on_weight(context: Context, node: cst.Attribute, names: frozenset[str]) -> bool:
    """Whether a constructor gives the weight of a layer of torch to a variable, or to a class of the file."""
    if node.attr.value != "weight" or not _asks_for_weight(context, node, names) or not all(map(find_card, names)):
        return False
    holder = context.source.parents.get(node)
    if isinstance(holder, cst.Assign):
        return isinstance(holder.targets[0].target, cst.Name)
    call = context.source.parents.get(holder) if isinstance(holder, cst.Arg) else None
    callee = context.knowledge.callee(call) if isinstance(call, cst.Call) else None
    return callee is not None and all(name.startswith("local.") for name in callee.names)


def card_of(context: Context, name: str) -> Card | None:
    """The card of a layer class of torch, or of what a layer of the file inherits from."""
    if name.startswith("local."):
        local = context.source.classes.get(name.removeprefix("local."))
        return find_card(local.torch_base) if local is not None and local.torch_base else None
    return find_card(name)


_LAYER: Signature = parse_signature("layer(layer)")


def fill_attribute(template: str, layer: cst.BaseExpression) -> cst.BaseExpression:
    """What a card says of an attribute, for the layer that this expression is."""
    return fill(template, Call(_LAYER, Bound({"layer": Arg(parenthesised(layer), layer)}), None))


_BIAS = m.Attribute(value=m.Attribute(value=m.Name("self")), attr=m.Name("bias"))


def gives_bias(context: Context, statement: cst.CSTNode | None) -> bool:
    """`self.qkv.bias = nn.Parameter(...)`, for a layer that was made without one."""
    if not isinstance(statement, cst.Assign) or not isinstance(statement.value, cst.Call):
        return False
    made = context.source.canonical(statement.value.func) == "torch.nn.Parameter"
    return made and m.matches(statement.targets[0].target, _BIAS)
