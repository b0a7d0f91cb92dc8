"""PyTorch's names for the layers and variables of a Keras model: the path of attributes that they are kept under.

PyTorch names a weight by the attributes that lead to its module, and so does a port: which helper, loop or list made
a layer does not matter, where it is kept does. Four things differ and are settled here: attributes whose name Keras
keeps for itself, what a variable is called inside a layer of Keras (layouts.py), layers that stand for their members,
and the main layer inside a bare model, which PyTorch does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras

from porter.runtime.model.reserved import torch_attribute
from porter.runtime.stored.layouts import Layout, layouts_of

# Where Keras itself lists what a layer has; TensorFlow's own lists begin with `_self_`.
_KERAS_LISTS = frozenset({"_layers", "_metrics", "_trainable_variables", "_non_trainable_variables"})


Children = Callable[[keras.Layer], list[tuple[str, keras.Layer]]]


@dataclass(frozen=True)
class NamedVariable:
    """A variable, what PyTorch calls it, and how it lies there.

    Attributes:
        name: PyTorch's name, `"encoder.layer.0.attention.self.query.weight"`.
        variable: the Keras variable.
        layout: its axes in both frameworks.
        layer: the layer that owns it.
        attribute: the attribute of `layer` that holds it.
        path: where it stands below the model, `"bert/encoder/layer.0/attention/self/query/kernel"`. Keras' own
            `variable.path` says where a layer was built, which for some is a constructor.
    """

    name: str
    variable: Any
    layout: Layout
    layer: keras.Layer
    attribute: str
    path: str

    @property
    def torch_shape(self) -> tuple[int, ...]:
        """The shape that PyTorch's tensor must have."""
        return self.layout.torch_shape(tuple(self.variable.shape))


def sublayers(layer: keras.Layer) -> list[keras.Layer]:
    """The direct children of a layer, in the order of its attributes, each once."""
    return [child for _, child in named_children(layer)]


def named_children(layer: keras.Layer) -> list[tuple[str, keras.Layer]]:
    """`(PyTorch's name below the layer, child)` of the direct children, each once.

    An attribute of its own names a child rather than a list that has it too: PyTorch does not know plain lists.
    """
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
        ValueError: two layers would have the same name.
    """
    found: dict[str, keras.Layer] = {}
    for name, child in _held(layer, layer._layers):
        if found.setdefault(name, child) is not child:
            raise ValueError(f"{found[name]} and {child} would both be called {name} in {type(layer).__name__}.")
    return list(found.items())


def _held(owner: keras.Layer, wanted: Collection[Any]) -> Iterator[tuple[str, Any]]:
    """`(name, object)` for those of the wanted objects that attributes keep, in lists and dictionaries too."""
    known = {id(each) for each in wanted}
    transparent = getattr(owner, "members_attribute", None)
    for attribute, value in vars(owner).items():
        if attribute not in _KERAS_LISTS and not attribute.startswith("_self_"):
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


def main_layer_of(layer: keras.Layer) -> keras.Layer | None:
    """The `TFXMainLayer` of a bare `TFXModel`: its only child. PyTorch has no counterpart of that level.

    None for heads (PyTorch's names carry the base model's prefix there) and for ordinary layers.
    """
    children = sublayers(layer) if isinstance(layer, keras.Model) else []
    if len(children) == 1 and getattr(type(children[0]), "is_main_layer", False):
        return children[0]
    return None


@dataclass(frozen=True)
class NamedLayer:
    """A layer with its place in both frameworks.

    Attributes:
        name: PyTorch's path, `"encoder.layer.0"`; empty for the root.
        path: Keras' path below the root, `"bert/encoder/layer.0"`; known before anything is built.
        layer: the layer.
    """

    name: str
    path: str
    layer: keras.Layer


def placed_layers(root: keras.Layer) -> Iterator[NamedLayer]:
    """Yield every layer from `root` down, parents first.

    A layer that several parents have is yielded once for each, like PyTorch's
    `named_modules(remove_duplicate=False)`. A bare model and its main layer have the same name.
    """
    yield from _walk(NamedLayer("", "", root), named_children)


def named_layers(root: keras.Layer) -> Iterator[tuple[str, keras.Layer]]:
    """Yield `(PyTorch's name, layer)` from `root` (name `""`) down; see `placed_layers`."""
    for placed in placed_layers(root):
        yield placed.name, placed.layer


def _walk(place: NamedLayer, children: Children) -> Iterator[NamedLayer]:
    yield place
    main_layer = main_layer_of(place.layer)
    for name, child in children(place.layer):
        path = f"{place.path}/{name}" if place.path else name
        full = f"{place.name}.{name}" if place.name else name
        yield from _walk(NamedLayer(place.name if child is main_layer else full, path, child), children)


def name_layers(root: keras.Layer) -> None:
    """Let every layer below `root` have as Keras' name what its parent keeps it under; for a model that is complete.

    Variables that are created from now on have paths of these names.
    """
    seen = {id(root)}
    waiting = [root]
    while waiting:
        for name, child in named_children(waiting.pop(0)):
            if id(child) not in seen:
                seen.add(id(child))
                child.name = name
                waiting.append(child)


def aliases(root: keras.Layer) -> dict[str, str]:
    """`{other name: name}` of every weight that has several names in PyTorch because several places keep its layer."""
    names = {id(entry.variable): entry.name for entry in named_variables(root).values()}
    found: dict[str, str] = {}
    for place in _walk(NamedLayer("", "", root), children_in_places):
        for parameter, _, variable, _ in own_variables(place.layer):
            name = f"{place.name}.{parameter}" if place.name else parameter
            if names.get(id(variable), name) != name:
                found[name] = names[id(variable)]
    return found


def own_variables(layer: keras.Layer) -> list[tuple[str, Layout, Any, str]]:
    """`(PyTorch's parameter, layout, variable, attribute)` of the variables a layer owns itself."""
    owned = [*layer._trainable_variables, *layer._non_trainable_variables]
    found: list[tuple[str, Layout, Any, str]] = []
    for parameter, layout in layouts_of(type(layer)).items():
        for variable in owned:
            if variable.name == layout.variable:
                found.append((parameter, layout, variable, _holder(layer, variable)))
    claimed = {id(variable) for _, _, variable, _ in found}
    names = {id(variable): name for name, variable in _held(layer, owned)}
    for variable in owned:
        if id(variable) not in claimed and not variable.name.startswith("seed_generator"):
            name = names.get(id(variable), variable.name)
            found.append((name, Layout(name), variable, _holder(layer, variable)))
    return found


def _holder(layer: keras.Layer, variable: Any) -> str:
    """The attribute that holds a variable; Keras' own layers keep `kernel` in `_kernel`."""
    attribute: str
    for attribute, value in vars(layer).items():
        if value is variable:
            return attribute
    return str(variable.name)


def named_variables(root: keras.Layer) -> dict[str, NamedVariable]:
    """PyTorch's name of every weight of a built model, in the order of the layers.

    Tied weights appear once, under the name of their source; seeds of random generators do not appear.

    Raises:
        ValueError: two variables would have the same name.
    """
    named: dict[str, NamedVariable] = {}
    seen: set[int] = set()
    for place in placed_layers(root):
        if id(place.layer) in seen:
            continue
        seen.add(id(place.layer))
        for parameter, layout, variable, attribute in own_variables(place.layer):
            name = f"{place.name}.{parameter}" if place.name else parameter
            path = f"{place.path}/{layout.variable}" if place.path else layout.variable
            if name in named:
                raise ValueError(f"{named[name].path} and {path} would both be {name} in PyTorch.")
            named[name] = NamedVariable(name, variable, layout, place.layer, attribute, path)
    return named
