"""PyTorch's names for the layers and variables of a Keras model.

A layer's name is the attribute name it has in PyTorch (`"query"`, in a list `"layer.0"`), so a path of layer names
is PyTorch's path. Two things differ and are settled here: what a variable is called inside a layer (layouts.py), and
the main layer inside a bare model, which PyTorch does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from porter.runtime.stored.layouts import Layout, layouts_of


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
    """The direct children of a layer, in the order in which they were assigned, each once."""
    children: list[keras.Layer] = []
    for child in layer._layers:
        if not any(child is known for known in children):
            children.append(child)
    return children


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

    A layer that stands in several places is yielded once for each, like PyTorch's
    `named_modules(remove_duplicate=False)`. A bare model and its main layer have the same name.
    """
    yield from _walk(NamedLayer("", "", root), seen=set())


def named_layers(root: keras.Layer) -> Iterator[tuple[str, keras.Layer]]:
    """Yield `(PyTorch's name, layer)` from `root` (name `""`) down; see `placed_layers`."""
    for placed in placed_layers(root):
        yield placed.name, placed.layer


def _walk(place: NamedLayer, seen: set[int]) -> Iterator[NamedLayer]:
    yield place
    main_layer = main_layer_of(place.layer)
    for child in sublayers(place.layer):
        path = f"{place.path}/{child.name}" if place.path else child.name
        name = child.name if id(child) not in seen else _attribute_of(place.layer, child)
        if getattr(place.layer, "members_by_index", False):
            name = str(next(index for index, member in enumerate(place.layer) if member is child))
        seen.add(id(child))
        name = f"{place.name}.{name}" if place.name else name
        yield from _walk(NamedLayer(place.name if child is main_layer else name, path, child), seen)


def _attribute_of(parent: keras.Layer, child: keras.Layer) -> str:
    """What `parent` calls a layer that another parent has named."""
    attribute: str
    for attribute, value in vars(parent).items():
        if attribute.startswith("_"):
            continue
        if value is child:
            return attribute.removesuffix("_")
        if isinstance(value, list):
            for index, item in enumerate(value):
                if item is child:
                    return f"{attribute}.{index}"
    return str(child.name)


def own_variables(layer: keras.Layer) -> list[tuple[str, Layout, Any, str]]:
    """`(PyTorch's parameter, layout, variable, attribute)` of the variables a layer owns itself."""
    owned = [*layer._trainable_variables, *layer._non_trainable_variables]
    found: list[tuple[str, Layout, Any, str]] = []
    for parameter, layout in layouts_of(type(layer)).items():
        for variable in owned:
            if variable.name == layout.variable:
                found.append((parameter, layout, variable, _holder(layer, variable)))
    claimed = {id(variable) for _, _, variable, _ in found}
    for variable in owned:
        if id(variable) not in claimed and not variable.name.startswith("seed_generator"):
            found.append((variable.name, Layout(variable.name), variable, _holder(layer, variable)))
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
            path = f"{place.path}/{variable.name}" if place.path else variable.name
            if name in named:
                raise ValueError(f"{named[name].path} and {path} would both be {name} in PyTorch.")
            named[name] = NamedVariable(name, variable, layout, place.layer, attribute, path)
    return named
