"""`torch.nn.init` for the weights of Keras layers: the same distributions, sizes counted as PyTorch counts them.

Each function fills what `parameter(layer, name)` gives, or a variable that lies as in PyTorch, and returns it. Weights
that a checkpoint has filled or that another layer owns stay as they are, and so do constants. Numbers are TensorFlow's
random ones: `keras.utils.set_random_seed` makes them the same again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf

from porter.runtime.model.torch_parameters import Parameter, as_parameter
from porter.runtime.port_errors import WrongValue

_TRUNCATED_STD = 0.87962566103423978  # of a normal distribution that is cut off at two standard deviations


def normal_(weight: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Numbers of a normal distribution."""
    return _drawn(weight, lambda shape, dtype: tf.random.normal(shape, mean, std, dtype))


def uniform_(weight: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Numbers between `a` and `b`."""
    return _drawn(weight, lambda shape, dtype: tf.random.uniform(shape, a, b, dtype))


def trunc_normal_(
    weight: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Any:
    """Numbers of a normal distribution that lie between `a` and `b`, whatever `std` is."""
    below, above = (math.erf((bound - mean) / std / math.sqrt(2.0)) for bound in (a, b))

    def drawn(shape: tuple[int, ...], dtype: str) -> Any:
        values = tf.math.erfinv(tf.random.uniform(shape, below, above, tf.float64)) * std * math.sqrt(2.0) + mean
        return tf.cast(tf.clip_by_value(values, a, b), dtype)

    return _drawn(weight, drawn)


def constant_(weight: Any, val: float) -> Any:
    """One number everywhere."""
    return copy_(weight, val)


def zeros_(weight: Any) -> Any:
    """Zeros."""
    return copy_(weight, 0)


def ones_(weight: Any) -> Any:
    """Ones."""
    return copy_(weight, 1)


def copy_(weight: Any, other: Any) -> Any:
    """The numbers of a tensor with PyTorch's axes, or of one that broadcasts to it."""
    found = as_parameter(weight)
    if found is not None:
        found.fill(other)
    return weight


def eye_(weight: Any) -> Any:
    """The identity matrix."""
    found = as_parameter(weight)
    if found is None:
        return weight
    rows, columns = _sizes(found)
    return copy_(weight, np.eye(rows, columns))


def dirac_(weight: Any, groups: int = 1) -> Any:
    """A convolution that gives its input back, as far as there are channels for it."""
    found = as_parameter(weight)
    if found is None:
        return weight
    values = np.zeros(found.shape)
    rows = found.shape[0] // groups
    centre = tuple(size // 2 for size in found.shape[2:])
    for group in range(groups):
        for channel in range(min(rows, found.shape[1])):
            values[(group * rows + channel, channel, *centre)] = 1
    return copy_(weight, values)


def xavier_uniform_(weight: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Numbers between the bounds for which a variance stays the same forwards and backwards (Glorot)."""
    found = as_parameter(weight)
    if found is None:
        return weight
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / sum(calculate_fan_in_and_fan_out(found)))
    return uniform_(weight, -bound, bound)


def xavier_normal_(weight: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """The same of a normal distribution."""
    found = as_parameter(weight)
    if found is None:
        return weight
    return normal_(weight, 0.0, gain * math.sqrt(2.0 / sum(calculate_fan_in_and_fan_out(found))))


def kaiming_uniform_(
    weight: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Numbers between the bounds for which a variance stays the same behind a nonlinearity (He)."""
    found = as_parameter(weight)
    if found is None:
        return weight
    bound = math.sqrt(3.0) * _kaiming_std(found, a, mode, nonlinearity)
    return uniform_(weight, -bound, bound)


def kaiming_normal_(
    weight: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """The same of a normal distribution."""
    found = as_parameter(weight)
    return weight if found is None else normal_(weight, 0.0, _kaiming_std(found, a, mode, nonlinearity))


def orthogonal_(weight: Any, gain: float = 1, generator: Any = None) -> Any:
    """A matrix whose rows, or columns if they are fewer, are orthonormal; further axes count as columns."""
    found = as_parameter(weight)
    if found is None:
        return weight
    rows, columns = found.shape[0], math.prod(found.shape[1:])
    square, upper = np.linalg.qr(tf.random.normal((max(rows, columns), min(rows, columns)), dtype=tf.float64).numpy())
    square = square * np.sign(np.diag(upper))
    return copy_(weight, gain * (square.T if rows < columns else square).reshape(found.shape))


def sparse_(weight: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """A matrix of normal numbers with this share of zeros in each column."""
    found = as_parameter(weight)
    if found is None:
        return weight
    rows, columns = _sizes(found)
    values = tf.random.normal((rows, columns), 0.0, std).numpy()
    places = tf.argsort(tf.random.uniform((rows, columns)), axis=0).numpy()[: math.ceil(sparsity * rows)]
    np.put_along_axis(values, places, 0.0, axis=0)
    return copy_(weight, values)


def lecun_normal_(weight: Any) -> Any:
    """A truncated normal distribution of the variance `1 / inputs`."""
    found = as_parameter(weight)
    if found is None:
        return weight
    return trunc_normal_(weight, std=calculate_fan_in_and_fan_out(found)[0] ** -0.5 / _TRUNCATED_STD)


def default_flax_embed_init_(weight: Any) -> Any:
    """A normal distribution of the variance `1 / inputs`."""
    found = as_parameter(weight)
    return weight if found is None else normal_(weight, 0.0, calculate_fan_in_and_fan_out(found)[0] ** -0.5)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that makes up for a nonlinearity.

    Raises:
        WrongValue: PyTorch has no factor for it.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4, "sigmoid": 1.0, "linear": 1.0}
    if nonlinearity not in gains and not nonlinearity.startswith("conv"):
        raise WrongValue(f"There is no gain for the nonlinearity {nonlinearity!r}.")
    return gains.get(nonlinearity, 1.0)


def calculate_fan_in_and_fan_out(weight: Any) -> tuple[int, int]:
    """How many inputs and outputs a weight connects, by PyTorch's axes: outputs, inputs, space.

    Raises:
        WrongValue: the weight has fewer than two axes.
    """
    shape = tuple(weight.shape)
    if len(shape) < 2:
        raise WrongValue(f"A weight of the shape {shape} has no numbers of inputs and outputs.")
    space = math.prod(shape[2:])
    return shape[1] * space, shape[0] * space


def _kaiming_std(found: Parameter, a: float, mode: str, nonlinearity: str) -> float:
    inputs, outputs = calculate_fan_in_and_fan_out(found)
    return calculate_gain(nonlinearity, a) / math.sqrt(inputs if mode == "fan_in" else outputs)


def _sizes(found: Parameter) -> tuple[int, int]:
    if found.ndim != 2:
        raise WrongValue(f"A matrix is needed, not a weight of the shape {found.shape}.")
    return found.shape[0], found.shape[1]


def _drawn(weight: Any, drawn: Any) -> Any:
    found = as_parameter(weight)
    if found is not None:
        found.draw(drawn)
    return weight
