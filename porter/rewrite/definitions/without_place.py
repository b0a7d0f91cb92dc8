"""Methods of layers and models, and functions, that have no place in the port, and why."""

from __future__ import annotations

import libcst as cst

from porter.facts.tensor_methods import is_module_method
from porter.rewrite.context import Context
from porter.rewrite.expressions.calls import walks_modules
from porter.rewrite.reading.dropped import (
    DROPPED_METHODS,
    FILE_FUNCTIONS,
    handles_texts,
    only_checkpoints,
    only_passes_on,
    only_ties,
    reads_tensorflow,
    ties_weights,
)
from porter.rewrite.reading.source import LocalClass


def without_place(context: Context, node: cst.FunctionDef) -> str | None:
    """Why a method or function has no place in the port; empty where porter.runtime has it, None where it has one."""
    if context.source.enclosing_class(node) is None and reads_tensorflow(node):
        return "it gives PyTorch's model the weights of a TensorFlow checkpoint"
    local = context.source.classes.get(context.source.enclosing_class(node) or "")
    if local is None or local.kind not in ("model", "layer"):
        return None
    if context.source.parents[node] is not local.node.body:
        return None
    by_name = _by_name(context, local, node)
    if by_name is not None or context.fills_at(node):
        return by_name
    return _by_what_it_does(context, local, node)


def _by_name(context: Context, local: LocalClass, node: cst.FunctionDef) -> str | None:
    """Why a method is dropped that PyTorch or transformers call by its name."""
    name = node.name.value
    if name == "__call__" and context.source.method(local.name, "forward") is not None:
        return "" if only_passes_on(node) else "Keras itself calls a layer's `call`"
    if name in DROPPED_METHODS:
        own_ties = name == "tie_weights" and ties_weights(context.source, node)
        return None if own_ties else DROPPED_METHODS[name]
    return None


def _by_what_it_does(context: Context, local: LocalClass, node: cst.FunctionDef) -> str | None:
    """Why a method is dropped that only handles what the port does not have."""
    is_constructor = node.name.value == "__init__"
    calls = context.source.find(node, cst.Call)
    if FILE_FUNCTIONS.intersection(context.source.canonical(call.func) for call in calls):
        return "it handles PyTorch's files"
    if only_checkpoints(context.source, node):
        return "TensorFlow has tf.recompute_grad in place of gradient checkpointing"
    if only_ties(context.source, node):
        return "what it ties is one weight by the constructors and `_tied_weights_keys`"
    if is_module_method(node.name.value) and f"{local.name}.{node.name.value}" not in context.flow.running:
        return "it replaces a method of torch.nn.Module, which Keras does not have"
    if context.source.span(node) in context.knowledge.facts.entered:
        return None
    if not is_constructor and handles_texts(node):
        return "it handles texts with a tokenizer, which needs no framework"
    return "it walks PyTorch's modules" if any(walks_modules(context, call) for call in calls) else None
