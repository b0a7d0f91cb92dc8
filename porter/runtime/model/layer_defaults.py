"""What PyTorch's own layers start from: their `reset_parameters`, which their constructors call."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
import numpy as np

from porter.runtime.model import init
from porter.runtime.model.torch_parameters import Parameter, named_parameters, parameter

_LENGTH = "parametrizations.weight.original0"
_WEIGHTS = ("weight", "parametrizations.weight.original1", "parametrizations.weight.original", "weight_orig")


def reset_parameters(layer: keras.Layer) -> None:
    """`layer.reset_parameters()`: a layer's own way, else what PyTorch's layer of its kind does.

    A layer of another kind stays as it is.
    """
    own = getattr(layer, "reset_parameters", None)
    if own is not None:
        own()
    else:
        fill_as_torch(layer)


def fill_as_torch(layer: keras.Layer) -> None:
    """What PyTorch's layer of the nearest kind does, and no override: `super().reset_parameters()`."""
    fill = _fill_of(layer)
    if fill is not None:
        fill(layer)


def is_filled_by_torch(layer: keras.Layer) -> bool:
    """Whether the constructor of PyTorch's layer of this kind fills its weights."""
    return _fill_of(layer) is not None


def _fill_of(layer: keras.Layer) -> Callable[[Any], None] | None:
    return next((_FILLS[base.__name__] for base in type(layer).__mro__ if base.__name__ in _FILLS), None)


def _linear(layer: Any) -> None:
    """A dense layer or a convolution: bounds of one through the root of the number of inputs."""
    found = (parameter(layer, name) for name in _WEIGHTS)
    weight = next((each for each in found if isinstance(each, Parameter)), None)
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    parts: Any = getattr(layer, "parts", None)
    if hasattr(parts, "improve"):  # over the largest stretch of the weight, which is known once it has values
        parts.improve(layer, parts.settling)
    lengths = parameter(layer, _LENGTH)
    if isinstance(lengths, Parameter):
        axes = tuple(axis for axis, size in enumerate(lengths.shape) if size == 1)
        init.copy_(lengths, np.sqrt(np.square(np.asarray(weight)).sum(axes, keepdims=True)))
    bias = parameter(layer, "bias")
    if bias is not None and weight is not None:
        bound = 1 / math.sqrt(init.calculate_fan_in_and_fan_out(weight)[0])
        init.uniform_(bias, -bound, bound)


def _transformers_conv1d(layer: Any) -> None:
    init.normal_(parameter(layer, "weight"), std=0.02)
    init.zeros_(parameter(layer, "bias"))


def _embedding(layer: Any) -> None:
    weight = parameter(layer, "weight")
    init.normal_(weight)
    padding = getattr(layer, "padding_idx", None)
    if padding is not None:
        init.zeros_(weight[padding])


def _normalization(layer: Any) -> None:
    for name, value in {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}.items():
        found = parameter(layer, name)
        if isinstance(found, Parameter):
            init.constant_(found, value)


def _recurrent(layer: Any) -> None:
    bound = 1 / math.sqrt(layer.hidden_size)
    for _, weight in named_parameters(layer, recurse=False):
        init.uniform_(weight, -bound, bound)


def _multihead(layer: Any) -> None:
    for name, weight in named_parameters(layer, recurse=False):
        if name in ("bias_k", "bias_v"):
            init.xavier_normal_(weight)
        elif name.endswith("weight"):
            init.xavier_uniform_(weight)
        else:
            init.zeros_(weight)
    bias = parameter(layer.out_proj, "bias")
    if bias is not None:
        init.zeros_(bias)


def _bilinear(layer: Any) -> None:
    weight = parameter(layer, "weight")
    bound = 1 / math.sqrt(weight.shape[1])
    for _, each in named_parameters(layer, recurse=False):
        init.uniform_(each, -bound, bound)


def _slopes(layer: Any) -> None:
    init.constant_(parameter(layer, "weight"), layer.init)


def _matrices(layer: Any) -> None:
    """A whole transformer, whose constructor fills all its matrices anew."""
    for _, weight in named_parameters(layer):
        if weight.ndim > 1:
            init.xavier_uniform_(weight)


_FILLS: Mapping[str, Callable[[Any], None]] = MappingProxyType(
    {
        "Dense": _linear,
        "KernelLayer": _linear,
        "TFConv1D": _transformers_conv1d,
        "Embedding": _embedding,
        "LayerNormalization": _normalization,
        "LayerNorm": _normalization,
        "GroupNorm": _normalization,
        "GroupNormalization": _normalization,
        "InstanceNorm": _normalization,
        "BatchNormalization": _normalization,
        "RMSNormalization": _normalization,
        "Recurrent": _recurrent,
        "MultiheadAttention": _multihead,
        "Bilinear": _bilinear,
        "PReLU": _slopes,
        "Transformer": _matrices,
    }
)
"""Keras layer class -> how PyTorch fills what it stands for. Subclasses inherit the row of their base."""
