"""What is asked of Keras 2 beyond its documented interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

LISTS_OF_PARTS = frozenset({"_trainable_weights", "_non_trainable_weights", "_metrics", "_undeleted_trackables"})
"""The attributes in which Keras itself lists what a layer has."""


def children(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers directly below a layer, in the order in which they were first assigned."""
    return list(layer._flatten_layers(recursive=False, include_self=False))


def every_layer(model: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The model and all layers below it, each once."""
    return list(model._flatten_layers())


def variables_of(layer: keras.layers.Layer) -> list[Any]:
    """The variables that a layer has itself, without those of the layers below it: trainable ones first."""
    return [*layer._trainable_weights, *layer._non_trainable_weights]


def own_name(variable: Any) -> str:
    """What a layer calls a variable of its own: the last part of the name."""
    return str(variable.name).partition(":")[0].rpartition("/")[2]


def untrack_variable(layer: keras.layers.Layer, variable: Any) -> None:
    """Stop counting `variable` as a weight of `layer`."""
    for weights in (layer._trainable_weights, layer._non_trainable_weights):
        weights[:] = [each for each in weights if each is not variable]


def takes_training(layer: Any) -> bool:
    """Whether the layer's `call` has a parameter `training`; False of what is not a layer."""
    return isinstance(layer, keras.layers.Layer) and bool(layer._call_spec.expects_training_arg)


def result_shape(member: Callable[..., Any], input_shape: Any) -> Any:
    """What a layer that is built, or a function, makes of this shape; it is computed without numbers."""
    layer = member if isinstance(member, keras.layers.Layer) else keras.layers.Lambda(member)
    return layer.compute_output_shape(input_shape)
