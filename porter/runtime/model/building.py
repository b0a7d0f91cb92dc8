"""Creating weights where a generated `build()` cannot, and layers whose place only running code knows."""

from __future__ import annotations

import functools
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import keras
import tensorflow as tf

from porter.runtime.model.names import named_children
from porter.runtime.model.reserved import port_attribute

AnyLayer = TypeVar("AnyLayer", bound=keras.Layer)


def built(layer: AnyLayer, input_shape: tuple[int | None, ...] | None) -> AnyLayer:
    """Remember the input shape of a layer that only the constructor knows; return the layer.

    The layer is built for this shape by whatever builds it, at the latest by its model.
    """
    build = layer.build

    @functools.wraps(build)
    def build_for_it(*args: Any, **kwargs: Any) -> None:
        build(input_shape)

    # Past Keras' __setattr__, like Keras' own wrapper around `build`.
    object.__setattr__(layer, "build", build_for_it)
    object.__setattr__(layer, "builds_itself", True)
    return layer


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

    # Past Keras' __setattr__, like Keras' own wrapper around `build`.
    object.__setattr__(layer, "build", build_all)
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
    if getattr(layer, "builds_itself", False):
        return True
    method = type(layer).build
    if method is keras.Layer.build:
        return False
    parameters = list(inspect.signature(method).parameters.values())[1:]
    return all(parameter.default is not parameter.empty for parameter in parameters)


def add_parameter(layer: keras.Layer, name: str, value: Any, trainable: bool = True) -> Any:
    """A weight of `layer` that starts as `value`; PyTorch's `nn.Parameter(value)` and persistent buffers."""
    start = tf.convert_to_tensor(value)
    return layer.add_weight(
        shape=tuple(start.shape),
        dtype=start.dtype.name,
        initializer=lambda shape, dtype: tf.cast(start, dtype),
        trainable=trainable,
        name=name,
    )


def add_bias(layer: keras.Layer, value: Any) -> None:
    """`layer.bias = nn.Parameter(value)` for a layer that was made without a bias."""
    start = tf.convert_to_tensor(value)
    layer.use_bias = True
    layer.bias_initializer = keras.initializers.Constant(start.numpy())
    if layer.built:
        layer._tracker.unlock()
        layer.bias = layer.add_weight(shape=tuple(start.shape), initializer=layer.bias_initializer, name="bias")
        layer._tracker.lock()


def add_layer(parent: keras.Layer, name: str, layer: keras.Layer) -> None:
    """Give `parent` a layer under a name of PyTorch's that is only known when it runs.

    It takes the place of a layer that has the name.
    """
    layer.name = name
    former = dict(named_children(parent)).get(name)
    if former is None:
        setattr(parent, port_attribute(name, is_model=isinstance(parent, keras.Model)), layer)
    else:
        _replace(parent, former, layer)


def remove_layer(parent: keras.Layer, name: str) -> None:
    """`parent.name = None` for a layer that `parent` has; Keras alone would go on counting its weights."""
    parent._tracker.untrack(getattr(parent, name))
    setattr(parent, name, None)


def _replace(parent: keras.Layer, former: keras.Layer, layer: keras.Layer) -> None:
    for attribute, value in list(vars(parent).items()):
        if attribute.startswith("_"):
            continue  # Keras' own lists of layers
        if value is former:
            parent._tracker.untrack(former)  # which Keras does for members of lists, but not for attributes
            setattr(parent, attribute, layer)
        elif isinstance(value, list) and any(item is former for item in value):
            index = next(index for index, item in enumerate(value) if item is former)
            value.pop(index)
            value.insert(index, layer)


def import_beside(file: str, name: str) -> ModuleType:
    """Import `name.py` from the folder of `file`, which need not be a package nor on `sys.path`.

    Raises:
        ImportError: there is no such file.
    """
    path = Path(file).with_name(f"{name}.py")
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == str(path):
        return known
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"{Path(file).name} needs {path.name} beside it.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
