"""`copy.deepcopy` of a layer: another one of its class, with layers and weights of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MethodType
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.keras_internals import close_to_weights, own_attributes, own_name, unmade
from porter.runtime.layers.build_rest import built


def copied(layer: Any) -> Any:
    """A copy of a layer, or of a list or dictionary of layers, in which all layers and weights are new.

    Each weight that is there already starts with the numbers of the original's. Layers and weights that are used in
    two places of the original are one thing in the copy, too; whatever else a layer keeps is shared.
    """
    return _copied(layer, {})


def _copied(value: Any, made: dict[int, Any]) -> Any:
    if id(value) in made:
        return made[id(value)]
    if isinstance(value, keras.layers.Layer):
        return _copied_layer(value, made)
    if isinstance(value, keras.random.SeedGenerator):
        return keras.random.SeedGenerator()
    if isinstance(value, list):
        return [_copied(item, made) for item in value]
    if isinstance(value, Mapping):
        return {key: _copied(item, made) for key, item in value.items()}
    if type(value) is tuple:
        return tuple(_copied(item, made) for item in value)
    if isinstance(value, MethodType) and id(value.__self__) in made:
        return MethodType(value.__func__, made[id(value.__self__)])
    return value


def _copied_layer(layer: keras.layers.Layer, made: dict[int, Any]) -> keras.layers.Layer:
    new = unmade(layer)
    made[id(layer)] = new
    for name, value in own_attributes(layer, new).items():
        setattr(new, name, _copied_weight(new, value, made) if _is_weight(value) else _copied(value, made))
    if layer.built:
        close_to_weights(new)
    elif "builds_for" in vars(layer):
        built(new, vars(layer)["builds_for"])
    return new


def _is_weight(value: Any) -> bool:
    return isinstance(value, keras.Variable)


def _copied_weight(owner: keras.layers.Layer, weight: Any, made: dict[int, Any]) -> Any:
    if id(weight) not in made:
        start = tf.convert_to_tensor(weight)
        made[id(weight)] = owner.add_weight(
            shape=tuple(weight.shape),
            dtype=weight.dtype,
            initializer=lambda shape, dtype: tf.cast(start, dtype),
            trainable=weight.trainable,
            name=own_name(weight),
        )
    return made[id(weight)]
