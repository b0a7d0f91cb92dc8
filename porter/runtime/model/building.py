"""Weights and layers that a constructor adds where its text does not say their shape or their name."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf

from porter.base.by_path import import_path
from porter.runtime.keras_internals import open_to_weights, set_layer_name, untrack_layer
from porter.runtime.layers.places import named_children, sublayers
from porter.runtime.layers.reserved import port_attribute
from porter.runtime.model.names import named_layers

OF_KERAS = ("name", "dtype", "trainable")  # the arguments of every layer


def layer_arguments(arguments: dict[str, Any]) -> dict[str, Any]:
    """Take Keras' own arguments out of a constructor's keywords, which hold options of the model besides."""
    return {name: arguments.pop(name) for name in OF_KERAS if name in arguments}


def add_parameter(layer: keras.Layer, name: str, value: Any, trainable: bool = True) -> Any:
    """A weight of `layer` that starts as `value`; PyTorch's `nn.Parameter(value)` and persistent buffers.

    One of float32 has the type that the layer keeps its weights in. A weight that another layer has made is given back
    as it is, and so is None, for one that is not there.
    """
    if value is None or isinstance(value, keras.Variable):
        return value
    start = tf.convert_to_tensor(value)
    with open_to_weights(layer):
        return layer.add_weight(
            shape=tuple(start.shape),
            dtype=layer.variable_dtype if start.dtype == tf.float32 else start.dtype.name,
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
        with open_to_weights(layer):
            layer.bias = layer.add_weight(shape=tuple(start.shape), initializer=layer.bias_initializer, name="bias")


def add_layer(parent: keras.Layer, name: str, layer: keras.Layer) -> None:
    """Give `parent` a layer under a name of PyTorch's that is only known when it runs.

    It takes the place of a layer that has the name.
    """
    set_layer_name(layer, name)
    former = dict(named_children(parent)).get(name)
    if former is None:
        setattr(parent, port_attribute(name, is_model=isinstance(parent, keras.Model)), layer)
    else:
        _replace(parent, former, layer)


def replace_layer(root: keras.Layer, former: keras.Layer, layer: keras.Layer) -> None:
    """Put a layer wherever a complete model keeps another one; it is built and named like that one.

    Args:
        root: the model.
        former: a layer below it.
        layer: what takes its place.
    """
    set_layer_name(layer, former.name)
    if former.built and not layer.built:
        layer.build()
    parents = [parent for _, parent in named_layers(root) if any(child is former for child in sublayers(parent))]
    for parent in {id(parent): parent for parent in parents}.values():
        with open_to_weights(parent):
            _replace(parent, former, layer)


def remove_layer(parent: keras.Layer, name: str) -> None:
    """`parent.name = None` for a layer that `parent` has; Keras alone would go on counting its weights."""
    untrack_layer(parent, getattr(parent, name))
    setattr(parent, name, None)


def _replace(parent: keras.Layer, former: keras.Layer, layer: keras.Layer) -> None:
    for attribute, value in list(vars(parent).items()):
        if attribute.startswith("_"):
            continue  # Keras' own lists of layers
        if value is former:
            untrack_layer(parent, former)
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
    if not path.is_file():
        raise ImportError(f"{Path(file).name} needs {path.name} beside it.")
    return import_path(name, path)
