"""All that diffcheck uses of Keras 2 and 3 beyond what they document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock


def children(layer: Any) -> list[Any]:
    """The layers that a layer holds directly, those in lists and dictionaries too."""
    below = layer._flatten_layers(include_self=False, recursive=False)
    return [child for child in below if callable(getattr(child, "call", None))]


def own_variables(layer: Any) -> list[Any]:
    """The variables that a layer holds itself, trainable ones first."""
    if hasattr(layer, "_trainable_variables") and hasattr(layer, "_non_trainable_variables"):
        return [*layer._trainable_variables, *layer._non_trainable_variables]
    return [*layer._trainable_weights, *layer._non_trainable_weights]


@contextmanager
def wide_variable(variable: Any) -> Iterator[None]:
    """Let a variable of Keras 3 have its value in float64 meanwhile; one of whole numbers stays as it is."""
    import tensorflow as tf

    narrow, dtype = variable._value, variable._dtype
    if not narrow.dtype.is_floating:
        yield
        return
    variable._value = tf.Variable(tf.cast(narrow, tf.float64), trainable=narrow.trainable)
    variable._dtype = "float64"
    try:
        yield
    finally:
        variable._value, variable._dtype = narrow, dtype


@contextmanager
def wide_layer(layer: Any, wide: Mapping[int, Any]) -> Iterator[None]:
    """Let a layer of Keras 2 compute in float64 meanwhile, with other variables in place of its own.

    Args:
        layer: the layer.
        wide: the other variables by the `id` of its own; a variable of Keras 2 cannot change its dtype.
    """
    import tf_keras

    attributes, policy = vars(layer), vars(tf_keras.layers.Layer(dtype="float64"))
    changed = {name: policy[name] for name in ("_dtype_policy", "_compute_dtype_object")}
    changed |= {name: wide[id(value)] for name, value in attributes.items() if id(value) in wide}
    for name in ("_trainable_weights", "_non_trainable_weights"):
        changed[name] = [wide.get(id(value), value) for value in attributes[name]]
    # The fused kernels of normalisations do not know float64.
    changed |= {name: False for name in ("fused", "_fused") if attributes.get(name)}
    with mock.patch.dict(attributes, changed):
        yield
