"""What Keras needs to save a model, make it again, and serve it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.model.call_signature import input_signature
from porter.runtime.model.serialization import keras_config
from porter.runtime.outputs.model_output import TFModelOutput


class SavedByKeras(keras.Model):
    """A model made from a configuration that `model.save`, `save_weights`, `clone_model` and `export` can handle."""

    config: Any
    _arguments: dict[str, Any]

    def __dir__(self) -> Iterable[str]:
        """All attributes but `base_model`.

        Keras saves every layer that it finds among these. The base model stands there under its own name, or is the
        model itself, which Keras would then go through without end.
        """
        return [name for name in super().__dir__() if name != "base_model"]

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the model again."""
        return keras_config(self, self._arguments)

    def get_build_config(self) -> dict[str, Any]:
        """Building needs nothing but the configuration."""
        return {"input_shape": None}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build the model that Keras is loading."""
        self.build()

    @property
    def _default_save_signature(self) -> None:
        """Nothing: `export` writes the signature; what `tf.saved_model.save` is to serve must be said."""
        return None

    @property
    def input_signature(self) -> dict[str, tf.TensorSpec]:
        """The inputs that the model is served with, by name; batch and length may have any size."""
        return input_signature(self)

    def serving(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """What an exported model computes: the tensors of the output by name, without caches.

        A signature holds single tensors only: those of a tuple are called `hidden_states_0`, `hidden_states_1`.
        """
        outputs = self(inputs, training=False)
        named = dict(outputs) if isinstance(outputs, TFModelOutput) else {"output": outputs}
        return {key: tensor for name, value in named.items() for key, tensor in _served(name, value)}

    def export(
        self, filepath: str | Path, format: str = "tf_saved_model", verbose: bool | None = None, **kwargs: Any
    ) -> None:
        """Write the model for serving; a SavedModel's signatures are `serving_default` and `serve`.

        Args:
            filepath: the folder, or the file for formats that are one.
            format: one of Keras' formats: `"tf_saved_model"`, `"onnx"`, `"openvino"`, `"litert"`.
            verbose: whether Keras says what it wrote.
            kwargs: Keras' own; `input_signature` is the model's unless it is given.
        """
        signature = kwargs.pop("input_signature", None) or [self.input_signature]
        if format != "tf_saved_model":
            super().export(filepath, format, verbose, input_signature=signature, **kwargs)
            return
        archive = keras.export.ExportArchive()
        archive.track(self)
        served = self.serving if len(signature) == 1 and isinstance(signature[0], dict) else self.__call__
        archive.add_endpoint("serve", served, signature, **kwargs)
        archive.write_out(str(filepath), verbose=verbose is not False)


def _served(name: str, value: Any) -> list[tuple[str, tf.Tensor]]:
    """The tensor under its name, or those of a tuple or list under the name and their place; none of anything else."""
    if tf.is_tensor(value):
        return [(name, value)]
    if isinstance(value, tuple | list):
        return [pair for place, each in enumerate(value) for pair in _served(f"{name}_{place}", each)]
    return []
