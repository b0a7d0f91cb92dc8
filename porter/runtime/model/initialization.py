"""Fresh weights, drawn like `PreTrainedModel._init_weights` of transformers draws them."""

from __future__ import annotations

from typing import Any

import keras

from porter.runtime.layers.convolution import KernelLayer
from porter.runtime.model.names import named_layers, own_variables

_DEFAULT_STD = 0.02


def initializer_std(config: Any) -> float:
    """Standard deviation that a configuration asks for; 0.02 where it says nothing."""
    for attribute in ("initializer_range", "init_std", "initializer_factor"):
        if hasattr(config, attribute):
            return float(getattr(config, attribute) or _DEFAULT_STD)
    text_config = config.get_text_config() if hasattr(config, "get_text_config") else None
    return float(getattr(text_config, "initializer_range", None) or _DEFAULT_STD)


def initialize_weights(root: keras.Layer, config: Any, only: frozenset[str] | None = None) -> None:
    """Draw the weights of a built model: matrices normal, biases zero, norms one and zero.

    A layer with a config of its own is drawn by that. Weights that a layer adds itself keep its own initializer, but
    for norms, whose class is known by its name.

    Args:
        root: the built model.
        config: its configuration.
        only: PyTorch's names of the weights to draw; None for all.
    """
    configs: dict[str, Any] = {"": config}
    seen: set[int] = set()
    for path, layer in named_layers(root):
        parent = path.rpartition(".")[0]
        configs[path] = getattr(layer, "config", None) or configs.get(path) or configs.get(parent, config)
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        for parameter, _, variable, _ in own_variables(layer):
            name = f"{path}.{parameter}" if path else parameter
            initializer = _initializer(layer, parameter, initializer_std(configs[path]))
            if initializer is not None and (only is None or name in only):
                variable.assign(initializer(tuple(variable.shape), dtype=variable.dtype))


def _initializer(layer: keras.Layer, parameter: str, std: float) -> Any:
    """The initializer of one parameter; None where the layer's own stands."""
    is_norm = any(part in type(layer).__name__ for part in ("LayerNorm", "RMSNorm"))
    if is_norm and parameter in ("weight", "bias"):
        return keras.initializers.Ones() if parameter == "weight" else keras.initializers.Zeros()
    if not isinstance(layer, (keras.layers.Dense, keras.layers.Embedding, KernelLayer)):
        return None
    if parameter == "weight":
        return keras.initializers.RandomNormal(mean=0.0, stddev=std)
    return keras.initializers.Zeros() if parameter == "bias" else None
