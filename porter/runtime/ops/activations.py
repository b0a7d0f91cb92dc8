"""The activations that configurations name, as `transformers.activations.ACT2FN` defines them.

Constants stay Python numbers, so that float64 tensors meet them in full precision: `keras.ops.gelu` and
`keras.ops.leaky_relu` have theirs in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
import tensorflow as tf

Activation = Callable[[Any], Any]


def gelu(x: Any, approximate: str = "none") -> Any:
    """`torch.nn.functional.gelu(x, approximate)`; approximate is `"none"` (erf) or `"tanh"`."""
    if approximate == "tanh":
        return gelu_tanh(x)
    return 0.5 * x * (1.0 + tf.math.erf(x / math.sqrt(2.0)))


def gelu_tanh(x: Any) -> Any:
    """GELU by its tanh approximation (arXiv 1606.08415)."""
    return 0.5 * x * (1.0 + tf.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


def gelu_fast(x: Any) -> Any:
    """The tanh approximation with its constant rounded to ten digits."""
    return 0.5 * x * (1.0 + tf.tanh(x * 0.7978845608 * (1.0 + 0.044715 * x * x)))


def quick_gelu(x: Any) -> Any:
    """GELU by a sigmoid."""
    return x * tf.sigmoid(1.702 * x)


def gelu_10(x: Any) -> Any:
    """GELU between -10 and 10 (arXiv 2004.09602)."""
    return tf.clip_by_value(gelu(x), -10.0, 10.0)


def silu(x: Any) -> Any:
    """`x * sigmoid(x)`, also called swish."""
    return keras.ops.silu(x)


def mish(x: Any) -> Any:
    """`x * tanh(softplus(x))` (arXiv 1908.08681)."""
    return keras.activations.mish(x)


def hardswish(x: Any) -> Any:
    """`x * relu6(x + 3) / 6`."""
    return keras.ops.hard_silu(x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """`torch.nn.functional.leaky_relu`. TensorFlow's own has another slope by default, and a float32 one."""
    return tf.where(x > 0, x, x * negative_slope)


def laplace(x: Any, mu: float = 0.707107, sigma: float = 0.282095) -> Any:
    """The Laplace function (arXiv 2209.10655)."""
    return 0.5 * (1.0 + tf.math.erf((x - mu) / (sigma * math.sqrt(2.0))))


def relu2(x: Any) -> Any:
    """The square of ReLU (arXiv 2109.08668)."""
    return tf.square(tf.nn.relu(x))


def sqrtsoftplus(x: Any) -> Any:
    """The square root of softplus."""
    return tf.sqrt(tf.math.softplus(x))


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "gelu": gelu,
        "gelu_10": gelu_10,
        "gelu_accurate": gelu_tanh,
        "gelu_fast": gelu_fast,
        "gelu_new": gelu_tanh,
        "gelu_python": gelu,
        "gelu_python_tanh": gelu_tanh,
        "gelu_pytorch_tanh": gelu_tanh,
        "hardswish": hardswish,
        "laplace": laplace,
        "leaky_relu": leaky_relu,
        "linear": tf.identity,
        "mish": mish,
        "quick_gelu": quick_gelu,
        "relu": tf.nn.relu,
        "relu2": relu2,
        "relu6": tf.nn.relu6,
        "sigmoid": tf.sigmoid,
        "silu": silu,
        "sqrtsoftplus": sqrtsoftplus,
        "swish": silu,
        "tanh": tf.tanh,
    }
)
"""Every activation of `ACT2FN` that has no weights (`prelu` and `xielu` have)."""


def get_tf_activation(activation: str | Activation) -> Activation:
    """The function that a configuration means; a function is returned as it is.

    Raises:
        KeyError: no activation has that name.
    """
    if callable(activation):
        return activation
    if activation not in ACTIVATIONS:
        raise KeyError(f"No activation is called {activation!r}; there are {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[activation]
