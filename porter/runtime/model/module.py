"""The base class of ported plain modules: those whose constructor takes its own arguments, not a configuration."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.keras_internals import set_untracked, take_any_positional
from porter.runtime.layers.reserved import RENAMED_PARAMETERS
from porter.runtime.model.building import OF_KERAS
from porter.runtime.model.completed import CompletedModel
from porter.runtime.model.json_arguments import as_json, as_objects
from porter.runtime.model.loading import LoadingInfo, load_tensors, loading_info, paired
from porter.runtime.model.serialization import register
from porter.runtime.model.wrapped import without_wrapper
from porter.runtime.stored.checkpoint import open_file
from porter.runtime.stored.pairing import problems
from porter.runtime.stored.tensor_source import Checkpoint, CheckpointError

logger = logging.getLogger(__name__)


class TFModule(CompletedModel):
    """Base of ported `torch.nn.Module`s that users make and call themselves.

    The constructor takes the arguments of the PyTorch class. Weights exist after `build()`, the first call,
    `from_config` or `load_torch_weights`. Inputs may be given by name, or in one mapping by name as `fit` gives them;
    numpy arrays become tensors, and integers int64, PyTorch's integer type.

    Args:
        kwargs: Keras' own: name, dtype, trainable.
    """

    base_model_prefix = ""
    config: Any = None
    _keys_to_ignore_on_load_missing: list[str] | None = None
    _keys_to_ignore_on_load_unexpected: list[str] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        register(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Remember the constructor's arguments, for `get_config`."""
        model: Self = super().__new__(cls, *args, **kwargs)
        signature = inspect.signature(cls.__init__)
        bound = signature.bind(None, *args, **kwargs)
        variable = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), "")
        given = {**bound.arguments, **bound.arguments.pop(variable, {})}
        own = {key: value for key, value in list(given.items())[1:] if key not in (*OF_KERAS, variable)}
        set_untracked(model, "_arguments", as_json(own))
        return model

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Graphs with shapes that depend on data do not compile; `compile(jit_compile=True)` still asks for XLA.
        self.supports_jit = False
        take_any_positional(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the model; one mapping of inputs by name, as `fit` gives it, is taken apart."""
        parameters = inspect.signature(self.call).parameters
        kwargs = _renamed(kwargs, parameters)
        given = _renamed(args[0], parameters) if len(args) == 1 and isinstance(args[0], Mapping) else {}
        if given and set(given) <= set(parameters):
            return self(**{**given, **kwargs})
        args, kwargs = tf.nest.map_structure(_standard, (args, kwargs))
        return super().__call__(*args, **kwargs)

    def load_torch_weights(self, path: str | Path, strict: bool = True) -> LoadingInfo:
        """Build the model and load the `state_dict` in a `.pt`, `.pth`, `.bin` or `.safetensors` file.

        Nothing in the file is run: only tensors are read. A `state_dict` inside a training checkpoint is found, and a
        prefix that wrappers put before every name, such as `module.`, is left out; both are logged.

        Args:
            path: the file.
            strict: refuse a file that lacks weights or has more; else both are logged.

        Returns:
            What the file lacks, what the model has no place for, and what has another shape.

        Raises:
            CheckpointError: the file is missing or damaged, holds code, or does not fit.
        """
        file = Path(path)
        if not file.is_file():
            raise CheckpointError(f"There is no file {file}.", hint="a .pt or .safetensors file with a state_dict")
        with open_file(file) as checkpoint:
            return self.load_checkpoint(checkpoint, strict=strict)

    def load_checkpoint(self, checkpoint: Checkpoint, strict: bool = True) -> LoadingInfo:
        """The same of an open checkpoint."""
        if not self.built:
            self.build_without_drawing(frozenset())
        checkpoint = without_wrapper(checkpoint, self)
        pairing, named = paired(self, checkpoint, from_pt=True)
        info = loading_info(self, pairing, from_pt=True)
        faults = [*problems(pairing), *(f"{name} has no place in the model" for name in info.unexpected_keys)]
        if faults and (strict or not pairing.moves):
            more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
            raise CheckpointError(
                f"The weights do not fit {type(self).__name__}: {'; '.join(faults[:_SHOWN])}{more}.",
                hint="check the constructor's arguments, or pass strict=False",
            )
        for fault in faults:
            logger.warning("%s: %s", type(self).__name__, fault)
        load_tensors(checkpoint, pairing, named)
        return info

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as JSON holds them, and Keras' own."""
        policy = keras.dtype_policies.serialize(self.dtype_policy)
        return {**self._arguments, "name": self.name, "trainable": self.trainable, "dtype": policy}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> Self:
        """A built model with fresh weights, from what `get_config` gives.

        Raises:
            LookupError: an argument names a class that the file does not have.
        """
        own = {key: value for key, value in config.items() if key in OF_KERAS}
        arguments = {key: value for key, value in config.items() if key not in OF_KERAS}
        if isinstance(own.get("dtype"), Mapping):
            own["dtype"] = keras.dtype_policies.deserialize(own["dtype"])
        model = cls(**as_objects(arguments, cls.__init__, vars(sys.modules[cls.__module__])), **own)
        model.build()
        return model


_SHOWN = 5


def _renamed(given: Mapping[str, Any], parameters: Container[str]) -> dict[str, Any]:
    """The arguments by the names of `call`, where PyTorch's are others."""
    return {_in_port(name, parameters): value for name, value in given.items()}


def _in_port(name: str, parameters: Container[str]) -> str:
    names = (name, f"{name}_", RENAMED_PARAMETERS.get(name, name), f"{name}s")  # layers of Keras take `inputs`
    return next((each for each in names if each in parameters), name)


def _standard(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = tf.convert_to_tensor(value)
    return tf.cast(value, tf.int64) if tf.is_tensor(value) and value.dtype == tf.int32 else value
