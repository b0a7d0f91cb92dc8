"""Which layers the attributes of a class hold: as runs have seen them, and as its constructors make them."""

from __future__ import annotations

from collections.abc import Mapping

import libcst as cst

from porter.facts import Facts
from porter.rewrite.reading.constructor import Constructor, Constructors
from porter.rewrite.reading.source import Source


def children_of(
    source: Source, facts: Facts, constructors: Constructors, class_name: str
) -> dict[str, frozenset[str]]:
    """The layer classes that each attribute can hold, `name.*` for what a list or dictionary of layers holds."""
    found: dict[str, set[str]] = {}
    seen = facts.modules.get(class_name)
    for attribute, names in (seen.children if seen else {}).items():
        found.setdefault(attribute, set()).update(names)
    for constructor in constructors.lineage(class_name):
        _collect_constructed(source, constructor, found)
    layers = {attribute: frozenset(names - _CONTAINERS) for attribute, names in found.items()}
    return {attribute: names for attribute, names in layers.items() if names}


def _collect_constructed(source: Source, constructor: Constructor, found: dict[str, set[str]]) -> None:
    for store in constructor.stores:
        names = _layer_names(source, store.value, constructor.values) if store.directly else set()
        suffix = ".*" if names & _CONTAINERS else ""
        if names - _CONTAINERS:
            found.setdefault(store.attribute + suffix, set()).update(names - _CONTAINERS)


_CONTAINERS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict"})


def _layer_names(source: Source, value: cst.BaseExpression, local: Mapping[str, cst.BaseExpression]) -> set[str]:
    """Every layer class named in a constructor's right-hand side, through one local variable."""
    names: set[str] = set()
    for node in source.find(value, cst.Name, cst.Attribute):
        resolved = source.resolve(node)
        if isinstance(resolved, type) and any(base.__name__ == "Module" for base in resolved.__mro__):
            names.add(source.canonical(node) or "")
        elif isinstance(source.parents[node], cst.Attribute):
            continue  # a layer's attribute is not the layer
        elif isinstance(node, cst.Name) and node.value in local and local[node.value] is not value:
            names |= _layer_names(source, local[node.value], {})
    return names - {""}
