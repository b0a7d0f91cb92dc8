"""`summary()` with the shapes of what layers give, which Keras knows of functional models alone."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.keras_internals import every_layer, output_shape_shown, set_meanwhile
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
    with ExitStack() as stack:
        for layer in every_layer(model):
            if layer is not model and id(layer) in shapes:
                stack.enter_context(output_shape_shown(layer, shapes[id(layer)]))
        yield


def _output_shapes(model: keras.Model) -> dict[int, tuple[int | None, ...]]:
    """The shape of each layer's first result, by the layer's id, from one trace."""
    shapes: dict[int, tuple[int | None, ...]] = {}
    try:
        signature = input_signature(model)
    except ValueError:
        return shapes
    if not model.built:
        return shapes
    with ExitStack() as stack:
        for layer in every_layer(model):
            if layer is not model:
                stack.enter_context(set_meanwhile(layer, "call", _noting(layer, shapes)))
        tf.function(model).get_concrete_function(signature)
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
