"""What a layer keeps, by the attributes, lists and dictionaries that it is kept in: PyTorch's names for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import keras

from porter.runtime.keras_internals import LISTS_OF_PARTS, children
from porter.runtime.layers.reserved import torch_attribute
from porter.runtime.port_errors import WrongValue


def sublayers(layer: keras.Layer | list[Any] | Mapping[str, Any]) -> list[keras.Layer]:
    """The direct children of a layer, in the order of its attributes, each once; a list's or dictionary's members."""
    return [child for _, child in named_children(layer)]


def named_children(layer: keras.Layer | list[Any] | Mapping[str, Any]) -> list[tuple[str, keras.Layer]]:
    """`(PyTorch's name below the layer, child)` of the direct children, each once.

    An attribute of its own names a child rather than a list that has it too: PyTorch does not know plain lists.
    """
    if isinstance(layer, Mapping):
        return list(layer.items())
    if not isinstance(layer, keras.Layer):
        return [(str(index), child) for index, child in enumerate(layer)]
    names: dict[int, tuple[str, keras.Layer]] = {}
    for name, child in children_in_places(layer):
        known = names.get(id(child))
        if known is None or ("." in known[0] and "." not in name):
            names[id(child)] = (name, child)
    return list(names.values())


def children_in_places(layer: keras.Layer) -> list[tuple[str, keras.Layer]]:
    """`(PyTorch's name below the layer, child)` for every place that keeps a direct child.

    A member of a list is called `layer.0`, of a dictionary `parts.norm`, of a layer that stands for its members `0`.

    Raises:
        WrongValue: two layers would have the same name.
    """
    found: dict[str, keras.Layer] = {}
    for name, child in held(layer, children(layer)):
        if found.setdefault(name, child) is not child:
            raise WrongValue(f"{found[name]} and {child} would both be called {name} in {type(layer).__name__}.")
    return list(found.items())


def held(owner: keras.Layer, wanted: Collection[Any]) -> Iterator[tuple[str, Any]]:
    """`(name, object)` for those of the wanted objects that attributes keep, in lists and dictionaries too."""
    known = {id(each) for each in wanted}
    transparent = getattr(owner, "members_attribute", None)
    for attribute, value in vars(owner).items():
        if attribute not in LISTS_OF_PARTS and not attribute.startswith("_self_"):
            name = "" if attribute == transparent else torch_attribute(attribute)
            yield from _members(name, value, known)


def _members(name: str, value: Any, known: Collection[int]) -> Iterator[tuple[str, Any]]:
    prefix = f"{name}." if name else ""
    if id(value) in known:
        yield name, value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _members(f"{prefix}{key}", member, known)
    elif isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            yield from _members(f"{prefix}{index}", member, known)
