"""PyTorch's names for the layers and variables of a Keras model: the path of attributes that they are kept under.

PyTorch names a weight by the attributes that lead to its module, and so does a port: which helper, loop or list made
a layer does not matter, where it is kept does. Four things differ and are settled here: attributes whose name Keras
keeps for itself, what a variable is called inside a layer of Keras (layouts.py), layers that stand for their members,
and the main layer inside a bare model, which PyTorch does not have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras

from porter.runtime.keras_internals import own_name, set_layer_name, variables_of
from porter.runtime.layers.places import children_in_places, held, named_children, sublayers
from porter.runtime.model.beside import main_layer
from porter.runtime.port_errors import WrongValue
from porter.runtime.stored.layouts import Layout, layouts_in

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


def main_layer_of(layer: keras.Layer) -> keras.Layer | None:
    """The `TFXMainLayer` of a bare `TFXModel`: its only child. PyTorch has no counterpart of that level.

    None for heads (PyTorch's names carry the base model's prefix there), for ordinary layers, and for what holds
    nothing but another model: PyTorch has that level.
    """
    children = sublayers(layer) if isinstance(layer, keras.Model) and not is_main_layer(layer) else []
    only = children[0] if len(children) == 1 and is_main_layer(children[0]) else None
    return only if only is not None and _is_of(only, layer) else None


def _is_of(layer: keras.Layer, model: keras.Layer) -> bool:
    """Whether a main layer is that of a model, by the names of both; a user may have derived classes from them."""
    names = {kind.__name__ for kind in type(layer).__mro__}
    return any(main_layer(kind.__name__.removeprefix("TF")) in names for kind in type(model).__mro__)


def is_main_layer(layer: keras.Layer) -> bool:
    """Whether the layer's class is decorated with `keras_serializable`."""
    return bool(getattr(type(layer), "is_main_layer", False))


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
                set_layer_name(child, name)
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
    owned = variables_of(layer)
    found: list[tuple[str, Layout, Any, str]] = []
    for parameter, layout in layouts_in(layer).items():
        for variable in owned:
            if own_name(variable) == layout.variable:
                found.append((parameter, layout, variable, _holder(layer, variable)))
    claimed = {id(variable) for _, _, variable, _ in found}
    names = {id(variable): name for name, variable in held(layer, owned)}
    for variable in owned:
        if id(variable) not in claimed and not own_name(variable).startswith("seed_generator"):
            name = names.get(id(variable), own_name(variable))
            found.append((name, Layout(name), variable, _holder(layer, variable)))
    return found


def _holder(layer: keras.Layer, variable: Any) -> str:
    """The attribute that holds a variable; Keras' own layers keep `kernel` in `_kernel`."""
    attribute: str
    for attribute, value in vars(layer).items():
        if value is variable:
            return attribute
    return own_name(variable)


def named_variables(root: keras.Layer) -> dict[str, NamedVariable]:
    """PyTorch's name of every weight of a built model, in the order of the layers.

    Tied weights appear once, under the name of their source; seeds of random generators do not appear.

    Raises:
        WrongValue: two variables would have the same name.
    """
    named: dict[str, NamedVariable] = {}
    seen: set[int] = set()  # layers, and variables that a constructor was given by another layer
    for place in placed_layers(root):
        if id(place.layer) in seen:
            continue
        seen.add(id(place.layer))
        for parameter, layout, variable, attribute in own_variables(place.layer):
            if id(variable) in seen:
                continue
            seen.add(id(variable))
            name = f"{place.name}.{parameter}" if place.name else parameter
            path = f"{place.path}/{layout.variable}" if place.path else layout.variable
            if name in named:
                raise WrongValue(f"{named[name].path} and {path} would both be {name} in PyTorch.")
            named[name] = NamedVariable(name, variable, layout, place.layer, attribute, path)
    return named
