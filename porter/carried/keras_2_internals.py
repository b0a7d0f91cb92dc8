"""What is asked of Keras 2 beyond its documented interface."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.keras_internals import set_untracked

LISTS_OF_PARTS = frozenset({"_trainable_weights", "_non_trainable_weights", "_metrics", "_undeleted_trackables"})
"""The attributes in which Keras itself lists what a layer has."""


def children(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers directly below a layer, in the order in which they were first assigned."""
    return list(layer._flatten_layers(recursive=False, include_self=False))


def every_layer(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The model and all layers below it, each once."""
    return list(model._flatten_layers())


def set_layer_name(layer: keras.layers.Layer, name: str) -> None:
    """Let a layer have another name."""
    set_untracked(layer, "_name", name)


def untrack_layer(parent: keras.layers.Layer, layer: keras.layers.Layer) -> None:
    """Nothing: a layer whose attribute is assigned anew is not counted as a part of `parent` any more."""


def open_to_weights(layer: keras.layers.Layer) -> AbstractContextManager[None]:
    """Weights and layers may be added to a layer that is built."""
    return nullcontext()


def variables_of(layer: keras.layers.Layer) -> list[Any]:
    """The variables that a layer has itself, without those of the layers below it: trainable ones first."""
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def own_name(variable: Any) -> str:
    """What a layer calls a variable of its own: the last part of the name."""
    return str(variable.name).partition(":")[0].rpartition("/")[2]


def rename(variable: Any, name: str) -> None:
    """Let a variable that exists have another name."""
    variable._handle_name = f"{name}:0"


def untrack_variable(layer: keras.layers.Layer, variable: Any) -> None:
    """Stop counting `variable` as a weight of `layer`."""
    for weights in (layer._trainable_weights, layer._non_trainable_weights):
        weights[:] = [each for each in weights if each is not variable]


def own_kernel(layer: keras.layers.Dense) -> Any:
    """The variable `layer.kernel`; None where the layer has none."""
    return vars(layer).get("kernel")


def own_table(layer: keras.layers.Embedding) -> Any:
    """The variable `layer.embeddings`; None where the layer has none yet."""
    return vars(layer).get("embeddings")


def is_compiled(model: keras.Model) -> bool:
    """Whether `compile` was called."""
    return bool(model._is_compiled)


def put(model: keras.Model, variable: Any, array: np.ndarray[Any, Any]) -> None:
    """Give a variable of a model other numbers, of another shape too; whoever holds the variable has them.

    TensorFlow's variables keep their shape, so that another one takes its place.
    """
    if tuple(variable.shape) == array.shape:
        variable.assign(array)
        return
    with tf.init_scope():
        name = variable.name.partition(":")[0]
        new = tf.Variable(array, trainable=variable.trainable, name=name, dtype=variable.dtype)
    for layer in every_layer(model):
        for attribute in [name for name, value in vars(layer).items() if value is variable]:
            _hold(layer, attribute, variable, new)


def _hold(layer: keras.layers.Layer, attribute: str, former: Any, variable: Any) -> None:
    """Let an attribute be another variable, which is counted as the former one was, in the same order."""
    counted = [each is former for each in variables_of(layer)]
    if not any(counted):  # the weight of another layer
        set_untracked(layer, attribute, variable)
        return
    setattr(layer, attribute, variable)
    for weights in (layer._trainable_weights, layer._non_trainable_weights):
        if any(each is variable for each in weights):
            order = counted.index(True) - (0 if weights is layer._trainable_weights else len(layer._trainable_weights))
            weights.insert(order, weights.pop())


def normalize_any_rank(layer: keras.layers.LayerNormalization) -> None:
    """Let a layer that is built take inputs of other ranks, as PyTorch's does.

    Keras 2 counts the axes from the first one of the input that the layer was built for.
    """
    call = layer.call

    @functools.wraps(call)
    def call_with_last_axes(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        rank = len(inputs.shape)
        layer.axis = list(range(rank - len(layer.axis), rank))
        return call(inputs, *args, **kwargs)

    set_untracked(layer, "call", call_with_last_axes)


def takes_training(layer: Any) -> bool:
    """Whether the layer's `call` has a parameter `training`; False of what is not a layer."""
    return isinstance(layer, keras.layers.Layer) and bool(layer._call_spec.expects_training_arg)


def result_shape(member: Callable[..., Any], input_shape: Any) -> Any:
    """What a layer that is built, or a function, makes of this shape; it is computed without numbers."""
    layer = member if isinstance(member, keras.layers.Layer) else keras.layers.Lambda(member)
    return layer.compute_output_shape(input_shape)
