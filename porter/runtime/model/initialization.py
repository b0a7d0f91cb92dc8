"""Fresh weights: first what PyTorch's constructors fill, then what the model's `_init_weights` fills anew.

PyTorch fills a layer's weights while it is made. A port's weights exist later, when the model is built, so both happen
then, in PyTorch's order: every layer after the layers below it.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.keras_internals import set_untracked
from porter.runtime.layers.places import sublayers
from porter.runtime.model import init
from porter.runtime.model.layer_defaults import is_filled_by_torch, reset_parameters
from porter.runtime.model.names import is_main_layer, main_layer_of, named_variables
from porter.runtime.model.torch_parameters import Parameter, filling_only, named_parameters, parameter

_DEFAULT_STD = 0.02
_NORMS = frozenset({"BatchNormalization", "GroupNormalization", "GroupNorm"})


def draw_weights(root: keras.Layer, only: frozenset[str] | None = None) -> None:
    """Fill the weights of a built model as a fresh PyTorch model has them.

    Args:
        root: the built model.
        only: PyTorch's names of the weights to fill; None for all. Nothing is drawn for others.
    """
    if only is not None and not only:
        return
    named = named_variables(root)
    wanted = None if only is None else frozenset(id(entry.variable) for name, entry in named.items() if name in only)
    with filling_only(wanted), tf.init_scope():  # a model may be called in a graph first
        _fill_as_constructed(root, set())
        if isinstance(root, DrawsWeights):
            _fill_by_models(root, root, set())


def _fill_as_constructed(layer: keras.Layer, seen: set[int]) -> None:
    """What PyTorch's constructors fill: each kind of layer in its way, then what the layer's own class says."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    for child in sublayers(layer):
        _fill_as_constructed(child, seen)
    if is_filled_by_torch(layer):
        reset_parameters(layer)
    if hasattr(layer, "fill_weights"):
        layer.fill_weights()


def _fill_by_models(layer: keras.Layer, model: Any, seen: set[int]) -> None:
    """`_init_weights` of the nearest model around each layer, once, as transformers calls it.

    A bare model and its main layer are one module in PyTorch, which the main layer stands for.
    """
    if id(layer) in seen:
        return
    seen.add(id(layer))
    for child in sublayers(layer):
        _fill_by_models(child, _model_of(child, model), seen)
    if main_layer_of(layer) is None:
        model._init_weights(layer)


def _model_of(layer: keras.Layer, around: Any) -> Any:
    """The model whose `_init_weights` is for a layer: itself, what a main layer stands for, else the one around."""
    if isinstance(layer, DrawsWeights):
        return layer
    if not is_main_layer(layer) or layer.config is around.config:
        return around
    classes = vars(sys.modules[type(layer).__module__]).values()
    same = (each for each in classes if isinstance(each, type) and issubclass(each, DrawsWeights))
    found = next((each for each in same if each.config_class is type(layer).config_class), type(around))
    model = object.__new__(found)  # all that it is asked for is its configuration
    set_untracked(model, "config", layer.config)
    return model


class DrawsWeights:
    """A model whose fresh weights are drawn as transformers draws them."""

    config: Any
    config_class: Any
    built: bool

    def init_weights(self) -> None:
        """Draw anew what transformers draws by `_init_weights`; nothing in a constructor, before there are weights."""
        if self.built:
            _fill_by_models(self, self, set())

    def _init_weights(self, module: Any) -> None:
        """What a model of transformers does with each of its layers, unless its class says otherwise."""
        std = initializer_std(self.config)
        kinds = {base.__name__ for base in type(module).__mro__}
        if "LSTM" in kinds:
            for name, weight in named_parameters(module):
                if "weight" in name:
                    init.xavier_uniform_(weight)
                else:
                    init.zeros_(weight)
        elif "MultiheadAttention" in kinds:
            reset_parameters(module)
        elif "Embedding" in kinds and "EmbeddingBag" not in kinds:
            weight = parameter(module, "weight")
            init.normal_(weight, mean=0.0, std=std)
            padding = getattr(module, "padding_idx", None)
            if padding is not None:
                init.zeros_(weight[padding])
        elif kinds & {"Dense", "KernelLayer"} and "Conv3DTranspose" not in kinds:
            init.normal_(parameter(module, "weight"), mean=0.0, std=std)
            init.zeros_(parameter(module, "bias"))
        elif kinds & _NORMS or any(part in type(module).__name__ for part in ("LayerNorm", "RMSNorm")):
            for name, value in {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}.items():
                weight = parameter(module, name)
                if isinstance(weight, Parameter):
                    init.constant_(weight, value)


def initializer_std(config: Any) -> float:
    """Standard deviation that a configuration asks for; 0.02 where it says nothing."""
    for attribute in ("initializer_range", "init_std", "initializer_factor"):
        if hasattr(config, attribute):
            found = getattr(config, attribute)
            return float(found or _DEFAULT_STD) if attribute == "initializer_range" else float(found)
    text_config = config.get_text_config() if hasattr(config, "get_text_config") else None
    return float(getattr(text_config, "initializer_range", _DEFAULT_STD))
