"""Which model gets a main layer: the one that its heads hold under `base_model_prefix`."""

from __future__ import annotations

from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from porter.rewrite.source import Source


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
        pattern = m.Assign(
            targets=[m.AssignTarget(m.Attribute(value=m.Name("self"), attr=m.Name(prefix)))],
            value=m.Call(func=m.Name()),
        )
        for node in m.findall(constructor.node, pattern):
            assert isinstance(node, cst.Assign) and isinstance(node.value, cst.Call)
            name = node.value.func.value if isinstance(node.value.func, cst.Name) else ""
            if name in source.classes and source.classes[name].kind == "model" and name != local.name:
                held.add(name)
    return frozenset(held)
