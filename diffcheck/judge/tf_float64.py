"""A Keras model, or parts of it, computing in float64 for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from diffcheck.record import tf_side
from diffcheck.record.keras_privates import own_variables, wide_layer, wide_variable
from diffcheck.record.sources import WidenedNames, modeling_namespaces


@contextmanager
def in_float64(model: Any, paths: Collection[str] = ("",)) -> Iterator[None]:
    """Widen the layers at ``paths`` in place, by default the whole model, and narrow them again.

    Variables, constant tensors kept as attributes, dtype policies, Keras' default float and a ``tf.float32``
    written in the model's files are all float64 meanwhile.
    """
    import tensorflow as tf

    named = tf_side.layers(model)
    every = list({id(part): part for path in paths for part in tf_side.layers(named[path]).values()}.values())
    with ExitStack() as stack:
        for namespace in modeling_namespaces(type(layer) for layer in every):
            if getattr(namespace, "tf", None) is tf:
                stack.enter_context(mock.patch.object(namespace, "tf", WidenedNames(tf)))
        for layer in every:
            stack.enter_context(_wide_constants(layer))
        stack.enter_context((_wide_keras3 if _is_keras3(model) else _wide_keras2)(every))
        yield


def _is_keras3(model: Any) -> bool:
    import keras

    return isinstance(model, keras.layers.Layer)


@contextmanager
def _wide_keras3(every: list[Any]) -> Iterator[None]:
    import keras

    floatx = keras.config.floatx()
    policies = [(layer, layer.dtype_policy) for layer in every]
    variables = {id(variable): variable for layer in every for variable in own_variables(layer)}
    with ExitStack() as stack:
        for variable in variables.values():
            stack.enter_context(wide_variable(variable))
        try:
            keras.config.set_floatx("float64")
            for layer in every:
                layer.dtype_policy = keras.DTypePolicy("float64")
            yield
        finally:
            keras.config.set_floatx(floatx)
            for layer, policy in policies:
                layer.dtype_policy = policy


@contextmanager
def _wide_keras2(every: list[Any]) -> Iterator[None]:
    """A Keras 2 variable cannot change its dtype: another one stands in each layer's attribute meanwhile."""
    import tensorflow as tf
    import tf_keras

    floatx = tf_keras.backend.floatx()
    held = {id(value): value for layer in every for value in vars(layer).values() if isinstance(value, tf.Variable)}
    wide = {
        key: tf.Variable(tf.cast(value, tf.float64), name=value.name.partition(":")[0])
        for key, value in held.items()
        if value.dtype.is_floating
    }
    with ExitStack() as stack:
        for layer in every:
            stack.enter_context(wide_layer(layer, wide))
        try:
            tf_keras.backend.set_floatx("float64")
            yield
        finally:
            tf_keras.backend.set_floatx(floatx)


@contextmanager
def _wide_constants(layer: Any) -> Iterator[None]:
    import tensorflow as tf

    attributes = vars(layer)
    narrow = {
        name: value for name, value in attributes.items() if isinstance(value, tf.Tensor) and value.dtype == tf.float32
    }
    attributes.update({name: tf.cast(value, tf.float64) for name, value in narrow.items()})
    try:
        yield
    finally:
        attributes.update(narrow)
