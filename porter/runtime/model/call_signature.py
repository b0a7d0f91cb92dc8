"""What a model is served with: the names, ranks and types of the inputs that its `call` takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from porter.runtime.port_errors import WrongValue

_TOKENS = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids", "decoder_attention_mask")
_SEQUENCES = frozenset({"input_ids", "input_values", "input_features"})
Shape = tuple[int | None, ...]


def _tokens(model: Any) -> Shape:
    choices = (None,) if type(model).__name__.endswith("ForMultipleChoice") else ()
    return (None, *choices, None)


def _image(model: Any) -> Shape:
    size = _setting(model, "image_size")
    height, width = size if isinstance(size, list | tuple) else (size, size)
    return (None, _setting(model, "num_channels") or 3, height, width)


def _spectrogram(model: Any) -> Shape:
    return (None, _setting(model, "num_mel_bins"), None)


def _setting(model: Any, name: str) -> Any:
    """A value of the model's configuration, or of the configuration of its part that sees."""
    configs = (model.config, getattr(model.config, "vision_config", None))
    return next((value for config in configs if (value := getattr(config, name, None)) is not None), None)


_INPUTS: Mapping[str, tuple[Callable[[Any], Shape], Any]] = MappingProxyType(
    {
        **dict.fromkeys(_TOKENS, (_tokens, tf.int64)),
        "bbox": (lambda model: (None, None, 4), tf.int64),
        "pixel_values": (_image, tf.float32),
        "input_values": (lambda model: (None, None), tf.float32),
        "input_features": (_spectrogram, tf.float32),
    }
)
"""Argument of `call` -> how its shape is found, and its type. Sizes that may differ from call to call are None."""


def input_signature(model: Any) -> dict[str, tf.TensorSpec]:
    """The inputs that a model is served with, by name.

    Raises:
        WrongValue: `call` has none of the usual inputs, or needs another one as well.
    """
    parameters = inspect.signature(inspect.unwrap(type(model).call)).parameters
    usual = {name: _INPUTS[name] for name in parameters if name in _INPUTS}
    if not usual.keys() & _SEQUENCES:  # a mask over patches, which images seldom need
        usual = {name: entry for name, entry in usual.items() if name not in _TOKENS}
    needed = [
        each.name
        for each in list(parameters.values())[1:]
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    other = [name for name in needed if name not in usual]
    if other or not usual:
        what = f"needs {', '.join(other)}" if other else "takes none of the usual inputs"
        raise WrongValue(
            f"{type(model).__name__} {what}, so its signature is not known: pass input_signature, "
            "a list that holds one dictionary of tf.TensorSpec by argument name."
        )
    return {name: tf.TensorSpec(shape(model), dtype, name=name) for name, (shape, dtype) in usual.items()}
