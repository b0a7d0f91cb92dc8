"""Which model gets a main layer: the one that its heads hold under `base_model_prefix`."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import Source
from porter.rulebook.call import code_of
from porter.runtime.model.beside import main_layer


def main_layer_name(source: Source, class_name: str) -> str | None:
    """`TFBertMainLayer` for `BertModel`; None for a model that no other model of the file holds as its base."""
    if class_name not in _held_models(source):
        return None
    return main_layer(class_name)


def prefix_of(source: Source, class_name: str) -> str:
    """The class's base_model_prefix."""
    return str(getattr(getattr(source.module, class_name), "base_model_prefix", ""))


@lru_cache(maxsize=8)
def _held_models(source: Source) -> frozenset[str]:
    held = set()
    for local in source.classes.values():
        constructor = source.functions.get(f"{local.name}.__init__")
        if local.kind != "model" or constructor is None:
            continue
        prefix = prefix_of(source, local.name)
        for node in source.find(constructor.node, cst.Assign):
            name = _constructed(node, prefix)
            if name in source.classes and source.classes[name].kind == "model" and name != local.name:
                held.add(name)
    return frozenset(held)


def _constructed(node: cst.Assign, attribute: str) -> str:
    """The class name in `self.<attribute> = Name(...)`; empty for any other assignment."""
    target = m.AssignTarget(m.Attribute(value=m.Name("self"), attr=m.Name(attribute)))
    if not m.matches(node.targets[0], target) or not m.matches(node.value, m.Call(func=m.Name())):
        return ""
    assert isinstance(node.value, cst.Call)
    return code_of(node.value.func)


_OF_ANY_LAYER = frozenset({"config", "training", "post_init", "gradient_checkpointing", "dtype", "device"})


def needs_model(source: Source, knowledge: Knowledge, class_name: str) -> bool:
    """Whether a main layer must be a model: the class uses what it inherits from its PreTrainedModel."""
    found = getattr(source.module, class_name)
    if getattr(found, "_tied_weights_keys", None):
        return True
    reads = source.find(source.classes[class_name].node, cst.Attribute)
    names = {node.attr.value for node in reads if m.matches(node.value, m.Name("self"))}
    children = {name.partition(".")[0] for name in knowledge.children(class_name)}
    return any(hasattr(found, name) for name in names - set(vars(found)) - _OF_ANY_LAYER - children)


def is_keras_model(source: Source, knowledge: Knowledge, class_name: str) -> bool:
    """Whether the class that takes over the PyTorch class's attributes is a keras.Model, not a plain layer."""
    if source.classes[class_name].kind != "model":
        return source.classes[class_name].is_root
    return main_layer_name(source, class_name) is None or needs_model(source, knowledge, class_name)
