"""Frequencies of rotary position embeddings, as `transformers.modeling_rope_utils` scales them.

They are computed in float64 and rounded once to Keras' float type.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.keras_internals import set_meanwhile, wraps_call

Frequencies = tuple[Any, float]


@dataclass(frozen=True)
class _Parameters:
    """What a configuration says about the rotary embedding of one kind of layer."""

    config: Any
    values: Mapping[str, Any]

    @classmethod
    def of(cls, config: Any, layer_type: str | None) -> _Parameters:
        if not hasattr(config, "standardize_rope_params"):
            return cls(config, _values_before_5(config))
        config.standardize_rope_params()
        values = config.rope_parameters if layer_type is None else config.rope_parameters[layer_type]
        per_layer = getattr(config, "per_layer_config", None)  # since transformers 5.14
        if layer_type is None or per_layer is None:
            return cls(config, values)
        try:
            return cls(per_layer[layer_type], values)
        except ValueError:
            # Configurations without layers of different sizes have no such table.
            return cls(config, values)

    def head_dim(self, key: str = "head_dim") -> int:
        return int(getattr(self.config, key, None) or self.config.hidden_size // self.config.num_attention_heads)

    @property
    def rotated(self) -> int:
        """How many dimensions of a head are rotated."""
        return int(self.head_dim() * self.values.get("partial_rotary_factor", 1.0))

    @property
    def factor(self) -> float:
        """How much longer than in pretraining texts may be; computed where the configuration leaves it open."""
        factor = self.values.get("factor")
        return float(factor or self.config.max_position_embeddings / self.pretrained_length)

    @property
    def pretrained_length(self) -> int:
        return int(self.values["original_max_position_embeddings"])

    def frequencies(self) -> Any:
        """The unscaled ones, float64 `(rotated / 2,)`."""
        return 1.0 / self.values["rope_theta"] ** _exponents(self.rotated)


def _values_before_5(config: Any) -> dict[str, Any]:
    """What configurations of transformers 4 say in several attributes, under the names of 5."""
    scaling = dict(getattr(config, "rope_scaling", None) or {})
    longest, kind = config.max_position_embeddings, scaling.get("rope_type", scaling.get("type"))
    holder = vars(config) if kind == "longrope" else scaling
    pretrained = holder.get("original_max_position_embeddings")
    if kind == "longrope" and pretrained:
        scaling["factor"] = longest / pretrained
    return {
        "rope_theta": config.rope_theta,
        "partial_rotary_factor": getattr(config, "partial_rotary_factor", 1.0),
        **scaling,
        "original_max_position_embeddings": pretrained or longest,
    }


def _exponents(dim: int) -> Any:
    return np.arange(0, dim, 2, dtype=np.float64) / dim


def _tensor(frequencies: Any) -> Any:
    return tf.constant(frequencies, dtype=keras.config.floatx())


def _default(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """The frequencies as they are; in transformers 5 each file has a function of its own for it."""
    return _tensor(_Parameters.of(config, layer_type).frequencies()), 1.0


def _linear(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """All frequencies divided by a factor."""
    parameters = _Parameters.of(config, layer_type)
    return _tensor(parameters.frequencies() / parameters.values["factor"]), 1.0


def _proportional(
    config: Any,
    device: Any = None,
    seq_len: Any = None,
    layer_type: str | None = None,
    head_dim_key: str = "head_dim",
) -> Frequencies:
    """A share of the frequencies, the others zero: heads keep their size."""
    parameters = _Parameters.of(config, layer_type)
    head_dim = parameters.head_dim(head_dim_key)
    angles = int(parameters.values.get("partial_rotary_factor", 1.0) * head_dim // 2)
    exponents = np.arange(0, 2 * angles, 2, dtype=np.float64) / head_dim
    frequencies = np.zeros(max(head_dim // 2, angles))
    frequencies[:angles] = 1.0 / parameters.values["rope_theta"] ** exponents
    return _tensor(frequencies / parameters.values.get("factor", 1.0)), 1.0


def _dynamic(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """A base that grows with the length of the text `seq_len` (a number or an integer scalar)."""
    parameters = _Parameters.of(config, layer_type)
    dim, factor = parameters.rotated, parameters.values["factor"]
    longest = parameters.config.max_position_embeddings
    length = tf.maximum(tf.cast(longest if seq_len is None else seq_len, tf.float64), longest)
    growth = (factor * length / longest - (factor - 1)) ** (dim / (dim - 2))
    base = tf.constant(parameters.values["rope_theta"], tf.float64) * growth
    return tf.cast(1.0 / base ** _exponents(dim), keras.config.floatx()), 1.0


def _yarn(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """High frequencies as they are, low ones divided by a factor, a ramp between (arXiv 2309.00071)."""
    parameters = _Parameters.of(config, layer_type)
    values, dim, factor = parameters.values, parameters.rotated, parameters.factor
    edges = [
        _dimension_of(rotations, dim, values["rope_theta"], parameters.pretrained_length)
        for rotations in (values.get("beta_fast") or 32, values.get("beta_slow") or 1)
    ]
    if values.get("truncate", True):
        edges = [math.floor(edges[0]), math.ceil(edges[1])]
    low, high = max(edges[0], 0), min(edges[1], dim - 1)
    high += 0.001 if low == high else 0.0
    interpolated = np.clip((np.arange(dim // 2) - low) / (high - low), 0, 1)
    frequencies = parameters.frequencies()
    return _tensor(frequencies * (interpolated / factor + 1 - interpolated)), _yarn_scaling(values, factor)


def _dimension_of(rotations: float, dim: int, base: float, length: int) -> float:
    """The dimension that turns `rotations` times over a text."""
    return dim * math.log(length / (rotations * 2 * math.pi)) / (2 * math.log(base))


def _yarn_scaling(values: Mapping[str, Any], factor: float) -> float:
    def scale(weight: float) -> float:
        return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0

    if values.get("attention_factor") is not None:
        return float(values["attention_factor"])
    weight, of_all = values.get("mscale"), values.get("mscale_all_dim")
    return scale(weight) / scale(of_all) if weight and of_all else scale(1)


def _longrope(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """Each frequency divided by its own factor, one set for short and one for long texts (arXiv 2402.13753)."""
    parameters = _Parameters.of(config, layer_type)
    values = parameters.values
    exponents = _exponents(parameters.rotated)
    long, short = (
        _tensor(1.0 / (np.array(values[key], np.float64) * values["rope_theta"] ** exponents))
        for key in ("long_factor", "short_factor")
    )
    is_long = False if seq_len is None else tf.cast(seq_len, tf.int64) > parameters.pretrained_length
    return tf.where(is_long, long, short), _longrope_scaling(parameters)


def _longrope_scaling(parameters: _Parameters) -> float:
    if parameters.values.get("attention_factor") is not None:
        return float(parameters.values["attention_factor"])
    if parameters.factor <= 1.0:
        return 1.0
    return math.sqrt(1 + math.log(parameters.factor) / math.log(parameters.pretrained_length))


def _llama3(config: Any, device: Any = None, seq_len: Any = None, layer_type: str | None = None) -> Frequencies:
    """Low frequencies divided by a factor, high ones as they are, smoothed between."""
    parameters = _Parameters.of(config, layer_type)
    values, frequencies = parameters.values, parameters.frequencies()
    low, high = values["low_freq_factor"], values["high_freq_factor"]
    turns = parameters.pretrained_length * frequencies / (2 * math.pi)
    share = np.clip((turns - low) / (high - low), 0, 1)
    return _tensor((1 - share) * frequencies / values["factor"] + share * frequencies), 1.0


ROPE_INIT_FUNCTIONS: Mapping[str, Callable[..., Frequencies]] = MappingProxyType(
    {
        "default": _default,
        "linear": _linear,
        "dynamic": _dynamic,
        "yarn": _yarn,
        "longrope": _longrope,
        "llama3": _llama3,
        "proportional": _proportional,
    }
)
"""Kind of scaling -> function `(config, device, seq_len, layer_type)` that gives frequencies and a factor of cos, sin.

`device` is without meaning; `seq_len` counts for `dynamic` and `longrope` and may be a tensor.
"""


def dynamic_rope_update(rope_call: Callable[..., Any]) -> Callable[..., Any]:
    """Let `call(x, position_ids)` of a rotary embedding use frequencies for the length of its text.

    Only where the layer's `rope_type` is dynamic or longrope. The layer itself is not changed: unlike PyTorch's, a
    dynamic embedding does not remember the longest text it has seen, so that a graph gives the same every time.
    """

    @wraps_call(rope_call)
    def wrapper(self: Any, x: Any, position_ids: Any, layer_type: str | None = None, **kwargs: Any) -> Any:
        kind = self.rope_type if layer_type is None else self.rope_type[layer_type]
        if layer_type is not None:
            kwargs["layer_type"] = layer_type
        if "dynamic" not in kind and kind != "longrope":
            return rope_call(self, x, position_ids, **kwargs)
        name = "inv_freq" if layer_type is None else f"{layer_type}_inv_freq"
        length = tf.reduce_max(position_ids) + 1
        longer = ROPE_INIT_FUNCTIONS[kind](self.config, None, length, layer_type)[0]
        with set_meanwhile(self, name, longer):
            return rope_call(self, x, position_ids, **kwargs)

    return wrapper
