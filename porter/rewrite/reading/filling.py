"""Functions that give weights their initial values, and what in them is a weight."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.dropped import FILLING_NAMES, fills_weights
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import Source

_WEIGHTS = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked", "in_proj_weight",
                      "in_proj_bias", "bias_k", "bias_v"})  # fmt: skip
_OF_NUMBERS = frozenset({"shape", "dtype", "device", "ndim"})


def filling_functions(source: Source) -> frozenset[str]:
    """The functions and methods of the file that give weights their initial values, constructors aside."""
    return frozenset(
        name
        for name, function in source.functions.items()
        if function.own_name != "__init__"
        and (function.own_name in FILLING_NAMES or fills_weights(source, function.node))
        and not _gives(source, function.node)
    )


def _gives(source: Source, function: cst.FunctionDef) -> bool:
    return any(node.value is not None for node in source.find(function, cst.Return))


def weight_name(knowledge: Knowledge, node: cst.BaseExpression) -> str | None:
    """The name of the weight or buffer of a layer that an attribute is, as runs or names tell; None for all else."""
    if not isinstance(node, cst.Attribute) or node.attr.value in ("data", *_OF_NUMBERS):
        return None
    if knowledge.source.resolve(node) is not None or is_read_from_weight(knowledge, node):
        return None
    parent = knowledge.source.parents.get(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        return None
    seen = knowledge.traced(node)
    owner = knowledge.traced(node.value)
    if owner is not None and owner.is_tensor:
        return None
    name = node.attr.value
    is_tensor = seen is not None and seen.is_tensor
    return name if is_tensor or is_weight_name(knowledge, name) else None


def is_weight_name(knowledge: Knowledge, name: str) -> bool:
    """Whether layers of PyTorch or of the file have a weight or buffer of this name."""
    seen = knowledge.facts.modules.values()
    return name in _WEIGHTS or any(name in each.parameters or name in each.buffers for each in seen)


def is_read_from_weight(knowledge: Knowledge, node: cst.Attribute) -> bool:
    """Whether an attribute is one of a weight's own: `module.weight.shape`."""
    return isinstance(node.value, cst.Attribute) and weight_name(knowledge, node.value) is not None


def is_made_here(knowledge: Knowledge, node: cst.CSTNode) -> bool:
    """Whether this is, or is part of, a variable that only holds tensors which the function computes: no weight."""
    while isinstance(node, cst.Subscript):
        node = node.value
    function = knowledge.source.enclosing(node)
    if function is None or not isinstance(node, cst.Name) or node.value in function.parameters:
        return False
    values = knowledge.assigned_values(function, node.value)
    return bool(values) and all(_is_computed(knowledge, value, node.value) for value in values)


def _is_computed(knowledge: Knowledge, value: cst.BaseExpression, variable: str) -> bool:
    """Whether a value is a sum or the like, a function's result, or what methods make of one; no path to a weight."""
    while isinstance(value, (cst.Call, cst.Subscript)):
        if isinstance(value, cst.Call) and knowledge.source.canonical(value.func) is not None:
            return (knowledge.source.canonical(value.func) or "").startswith("torch.")
        value = value.value if isinstance(value, cst.Subscript) else value.func
        value = value.value if isinstance(value, cst.Attribute) else value
    is_same = isinstance(value, cst.Name) and value.value == variable
    return is_same or isinstance(value, (cst.BinaryOperation, cst.UnaryOperation))


def owners_of(knowledge: Knowledge, node: cst.Attribute) -> frozenset[str]:
    """The classes of the file that are all that an attribute is read from; empty where there may be others."""
    owner = knowledge.source.enclosing_class(node)
    if m.matches(node.value, m.Name("self")) and owner is not None:
        return frozenset({owner})
    fact = knowledge.traced(node.value)
    names = fact.names if fact is not None and fact.only("module") else frozenset()
    own = frozenset(name.removeprefix("local.") for name in names if name.startswith("local."))
    return own if len(own) == len(names) else frozenset()


def has_own(knowledge: Knowledge, node: cst.Attribute) -> bool:
    """Whether a weight is one that a class of the file adds itself, under the same name and axes in the port."""
    owners, name = owners_of(knowledge, node), node.attr.value
    classes = knowledge.source.classes
    if not owners or any(owner not in classes or classes[owner].torch_base is not None for owner in owners):
        return False
    seen = [knowledge.facts.modules.get(owner) for owner in owners]
    return all(each is not None and (name in each.parameters or name in each.buffers) for each in seen)


def calls_in(source: Source, function: cst.FunctionDef) -> Iterator[str]:
    """The names that a function calls, methods of other objects included."""
    for call in source.find(function, cst.Call):
        name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
        if isinstance(name, cst.Name):
            yield name.value
