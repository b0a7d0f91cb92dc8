"""Which model gets a main layer: the one that its heads hold under `base_model_prefix`."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from porter.rewrite.source import Source
from porter.rules.call import code_of


def main_layer_name(source: Source, class_name: str) -> str | None:
    """`TFBertMainLayer` for `BertModel`; None for a model that no other model of the file holds as its base."""
    if class_name not in _held_models(source):
        return None
    return f"TF{class_name.removesuffix('Model')}MainLayer"


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
