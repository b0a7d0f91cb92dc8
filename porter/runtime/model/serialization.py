"""Configurations inside Keras' own files: models and main layers that `.keras` saving can rebuild."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping
from typing import Any, TypeVar

import keras

from porter.runtime.layers.build_rest import build_with_the_rest
from porter.runtime.model.embeddings import input_embeddings
from porter.runtime.model.names import name_layers

Layer = TypeVar("Layer", bound=type)

_PLAIN = (str, int, float, bool, type(None))


def configuration(config_class: Any, config: Any) -> Any:
    """A configuration object from one, or from the dictionary that Keras saved.

    Raises:
        TypeError: it is neither, or the class names no `config_class`.
    """
    if not isinstance(config, Mapping):
        if not hasattr(config, "to_dict"):
            raise TypeError(f"A configuration is needed, not a {type(config).__name__}.")
        return config
    if config_class is None:
        raise TypeError("The class names no config_class to read a dictionary with.")
    return config_class.from_dict(dict(config))


def plain_arguments(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor that JSON can hold, by name; without `self`, `config` and Keras' own."""
    bound = inspect.signature(function).bind(None, *args, **kwargs)
    named = {**bound.arguments, **bound.arguments.get("kwargs", {})}
    skipped = ("self", "config", "inputs", "args", "kwargs", "name", "trainable", "dtype")
    return {key: value for key, value in named.items() if key not in skipped and isinstance(value, _PLAIN)}


def keras_config(layer: keras.Layer, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What Keras writes about a layer made from a configuration and `arguments`."""
    policy = keras.dtype_policies.serialize(layer.dtype_policy)
    own = {"name": layer.name, "trainable": layer.trainable, "dtype": policy}
    return {"config": layer.config.to_dict(), **arguments, **own}


def register(layer_class: Layer) -> Layer:
    """Let Keras find a class by the names of its file and its own when it loads a model.

    The file's name keeps ports of one architecture apart that are loaded side by side.
    """
    package = layer_class.__module__.rpartition(".")[2]
    registered: Layer = keras.saving.register_keras_serializable(package=package)(layer_class)
    return registered


def keras_serializable(layer_class: Layer) -> Layer:
    """Mark a main layer: what the bare model is in PyTorch, and what functional Keras models can contain.

    The class gets `get_config` and `from_config`, may be made from a configuration or its dictionary, and is known to
    Keras by name.

    Raises:
        TypeError: the class has no `config_class`.
    """
    if getattr(layer_class, "config_class", None) is None:
        raise TypeError(f"{layer_class.__name__} needs a config_class to be serializable.")
    decorated: Any = layer_class
    initialize = decorated.__init__

    @functools.wraps(initialize)
    def initialize_with(self: Any, config: Any, *args: Any, **kwargs: Any) -> None:
        config = configuration(type(self).config_class, config)
        initialize(self, config, *args, **kwargs)
        self.config = config
        self._arguments = plain_arguments(initialize, (config, *args), kwargs)
        name_layers(self)
        build_with_the_rest(self)

    # Keras reads the constructor's arguments without looking through `wraps`.
    initialize_with.__signature__ = inspect.signature(initialize)  # type: ignore[attr-defined]

    def get_config(self: Any) -> dict[str, Any]:
        return keras_config(self, self._arguments)

    decorated.__init__ = initialize_with
    decorated.get_config = get_config
    decorated.from_config = classmethod(lambda cls, config: cls(**config))
    decorated.is_main_layer = True
    if not hasattr(decorated, "get_input_embeddings"):
        decorated.get_input_embeddings = input_embeddings
    return register(layer_class)
