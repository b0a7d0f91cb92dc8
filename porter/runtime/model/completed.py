"""When a model is complete: after the outermost constructor, whatever it inherits and calls."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from porter.runtime.keras_internals import every_layer, set_untracked
from porter.runtime.layers.build_rest import build_with_the_rest
from porter.runtime.layers.lookups import Embedding
from porter.runtime.model.initialization import draw_weights
from porter.runtime.model.names import name_layers
from porter.runtime.model.tying import tie_variables


class Completed(ABCMeta):
    """The class of model classes with a method `complete()`, which is called when the constructor has returned.

    Models may be abstract.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a model and complete it; its `dtype` is that of all its layers.

        PyTorch's `device` has no meaning: TensorFlow itself places what it computes.
        """
        kwargs.pop("device", None)
        with made_in(kwargs.get("dtype")):
            model = super().__call__(*args, **kwargs)
            model.complete()
        return model


@contextmanager
def made_in(dtype: Any) -> Iterator[None]:
    """Layers made meanwhile have this type or policy (`"bfloat16"`, `"mixed_float16"`); None for Keras' own."""
    before = keras.config.dtype_policy()
    if dtype is not None:
        keras.config.set_dtype_policy(keras.dtype_policies.get(dtype))
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class CompletedModel(keras.Model, metaclass=Completed):
    """A model that names its layers by where they are kept, and builds and ties them itself.

    Attributes:
        all_tied_weights_keys: PyTorch's names of the weights that are tied, to those of their sources.
    """

    _untied: frozenset[str] = frozenset()

    def complete(self) -> None:
        """Name the layers, connect what is tied, and let `build` build everything, once."""
        name_layers(self)
        _cast_tables(self)
        self.tie_weights()
        self._tie()
        build_all = build_with_the_rest(self)

        def build(input_shape: Any = None) -> None:
            if not self.built:
                build_all(input_shape)
                self._tie()
                draw_weights(self)

        set_untracked(self, "_build_all", build_all)
        set_untracked(self, "build", build)

    def build_without_drawing(self, untied: frozenset[str]) -> None:
        """Build the model for weights that follow.

        Args:
            untied: PyTorch's names of weights that are not to be tied, although the model ties them.
        """
        set_untracked(self, "_untied", untied)
        self._tie()
        self._build_all(None)
        self._tie()

    def tie_weights(self) -> None:
        """Let tied weights be one; before `build` only embeddings and the dense layers that borrow them."""
        self._tie()

    def _tie(self) -> None:
        tied = tie_variables(self, untied=self._untied)
        set_untracked(self, "all_tied_weights_keys", tied)


def _cast_tables(model: keras.Model) -> None:
    """Let embeddings that look up by themselves have their table in the type that they compute in.

    Keras' own takes its table as it is, and casts what it has looked up.
    """
    usual = (keras.layers.Embedding.call, Embedding.call)
    for layer in every_layer(model):
        if isinstance(layer, keras.layers.Embedding) and type(layer).call not in usual:
            layer.autocast = True
