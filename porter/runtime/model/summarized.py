"""`summary()` with the shapes of what layers give, which Keras knows of functional models alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.model.call_signature import input_signature


class Summarized(keras.Model):
    """A model that can be traced on the inputs that it is served with."""

    def summary(self, *args: Any, **kwargs: Any) -> None:
        """Keras' own, with output shapes. Models whose inputs are not known, and such as are not built, show none."""
        with _shapes_shown(self):
            super().summary(*args, **kwargs)


@contextmanager
def _shapes_shown(model: keras.Model) -> Iterator[None]:
    """Let layers have as `output_shape`, where Keras looks, what they give; afterwards they have it no longer."""
    shapes = _output_shapes(model)
    shown = []
    for layer in model._flatten_layers(include_self=False):
        if id(layer) in shapes and not hasattr(layer, "output_shape"):
            shown.append((layer, layer._build_shapes_dict))
            object.__setattr__(layer, "output_shape", shapes[id(layer)])
            object.__setattr__(layer, "_build_shapes_dict", {"input_shape": None})
    try:
        yield
    finally:
        for layer, before in shown:
            object.__delattr__(layer, "output_shape")
            object.__setattr__(layer, "_build_shapes_dict", before)


def _output_shapes(model: keras.Model) -> dict[int, tuple[int | None, ...]]:
    """The shape of each layer's first result, by the layer's id, from one trace."""
    shapes: dict[int, tuple[int | None, ...]] = {}
    try:
        signature = input_signature(model)
    except ValueError:
        return shapes
    layers = list(model._flatten_layers(include_self=False)) if model.built else []
    calls = {id(layer): layer.__dict__.get("call") for layer in layers}
    for layer in layers:
        object.__setattr__(layer, "call", _noting(layer, shapes))
    try:
        if layers:
            tf.function(model).get_concrete_function(signature)
    finally:
        for layer in layers:
            if calls[id(layer)] is None:
                object.__delattr__(layer, "call")
            else:
                object.__setattr__(layer, "call", calls[id(layer)])
    return shapes


def _noting(layer: keras.Layer, shapes: dict[int, tuple[int | None, ...]]) -> Any:
    call = layer.call

    @functools.wraps(call)
    def noting(*args: Any, **kwargs: Any) -> Any:
        result = call(*args, **kwargs)
        tensors = [value for value in tf.nest.flatten(result) if tf.is_tensor(value)]
        if tensors and tensors[0].shape.rank is not None:
            shapes[id(layer)] = tuple(tensors[0].shape)
        return result

    return noting
