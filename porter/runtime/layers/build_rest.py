"""Building what a generated `build()` leaves: layers that know their input shape, or need none."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import keras

from porter.runtime.keras_internals import set_untracked
from porter.runtime.layers.places import named_children
from porter.runtime.port_errors import WrongValue

AnyLayer = TypeVar("AnyLayer", bound=keras.Layer)


def built(layer: AnyLayer, input_shape: tuple[int | None, ...] | None) -> AnyLayer:
    """Remember the input shape of a layer that only the constructor knows; return the layer.

    The layer is built for this shape by whatever builds it, at the latest by its model.
    """
    build = layer.build

    @functools.wraps(build)
    def build_for_it(*args: Any, **kwargs: Any) -> None:
        build(input_shape)

    set_untracked(layer, "build", build_for_it)
    set_untracked(layer, "builds_itself", True)
    set_untracked(layer, "builds_for", input_shape)
    return layer


def made_now(layer: AnyLayer) -> AnyLayer:
    """The layer with its weights: a constructor asks for them, or for their sizes, before the model is built.

    Raises:
        WrongValue: only what calls the layer knows its input shape.
    """
    if not layer.built:
        if not _builds_without_shape(layer):
            raise WrongValue(f"{layer.name} ({type(layer).__name__}) has no weights yet, nor an input shape for them.")
        layer.build()
        build_the_rest(layer)
        layer.built = True
    return layer


def skip_init(layer_class: Callable[..., AnyLayer], *args: Any, **kwargs: Any) -> AnyLayer:
    """`torch.nn.utils.skip_init`: a layer of the class; Keras draws no weights before it is built."""
    return layer_class(*args, **kwargs)


def build_with_the_rest(layer: keras.Layer) -> Callable[..., None]:
    """Let `layer.build` build what it leaves, too, and only once; return it."""
    build = layer.build

    @functools.wraps(build)
    def build_all(*args: Any, **kwargs: Any) -> None:
        if not layer.built:
            if type(layer).build is not keras.Layer.build:
                build(*args, **kwargs)
            build_the_rest(layer)
            layer.built = True

    set_untracked(layer, "build", build_all)
    return build_all


def build_the_rest(layer: keras.Layer) -> None:
    """Build every layer below this one that is not built and knows its input shape, or needs none."""
    for _, child in named_children(layer):
        with keras.name_scope(layer.name):
            if not child.built and _builds_without_shape(child):
                child.build()
            build_the_rest(child)
            if type(child).build is keras.Layer.build:
                child.built = True  # there is nothing left to build when it is called


def _builds_without_shape(layer: keras.Layer) -> bool:
    if getattr(layer, "builds_itself", False) or isinstance(layer, keras.layers.Embedding):
        return True
    method = type(layer).build
    if method is keras.Layer.build:
        return False
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return all(parameter.default is not parameter.empty for parameter in parameters)
