"""Where each PyTorch parameter lies in a Keras layer.

One table, read by the checkpoint loader, the layer cards, the weight plans and the comparison. A layout only ever
permutes axes: no tensor is reshaped until it fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from porter.runtime.port_errors import WrongValue


@dataclass(frozen=True)
class Layout:
    """One PyTorch parameter inside one Keras variable.

    Attributes:
        variable: name of the Keras variable, `"kernel"`.
        torch_axes: names of PyTorch's axes in order, `("o", "i")`; empty when both frameworks agree.
        keras_axes: the same names in Keras' order, `("i", "o")`.
    """

    variable: str
    torch_axes: tuple[str, ...] = ()
    keras_axes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Layout:
        """Read `"kernel: o i -> i o"` or, where nothing moves, `"bias"`.

        Raises:
            WrongValue: the two sides do not name the same axes.
        """
        variable, _, axes = text.partition(":")
        torch_side, _, keras_side = axes.partition("->")
        torch_axes, keras_axes = tuple(torch_side.split()), tuple(keras_side.split())
        if sorted(torch_axes) != sorted(keras_axes):
            raise WrongValue(f"The layout {text!r} does not name the same axes on both sides.")
        return cls(variable.strip(), torch_axes, keras_axes)

    @property
    def to_keras_permutation(self) -> tuple[int, ...]:
        """Axes for `numpy.transpose` from PyTorch to Keras; empty when nothing moves."""
        return tuple(self.torch_axes.index(axis) for axis in self.keras_axes)

    @property
    def to_torch_permutation(self) -> tuple[int, ...]:
        """Axes for `numpy.transpose` from Keras to PyTorch; empty when nothing moves."""
        return tuple(self.keras_axes.index(axis) for axis in self.torch_axes)

    def keras_shape(self, torch_shape: Sequence[int]) -> tuple[int, ...]:
        """Shape that a PyTorch tensor of `torch_shape` has in Keras.

        Raises:
            WrongValue: the tensor has another rank than the layout.
        """
        return _permuted(tuple(torch_shape), self.to_keras_permutation)

    def torch_shape(self, keras_shape: Sequence[int]) -> tuple[int, ...]:
        """Shape that a Keras variable of `keras_shape` has in PyTorch."""
        return _permuted(tuple(keras_shape), self.to_torch_permutation)

    def to_keras(self, array: Any) -> Any:
        """Transpose a numpy array from PyTorch's axes to Keras' (a view)."""
        self.keras_shape(array.shape)
        return array.transpose(self.to_keras_permutation) if self.keras_axes else array

    def to_torch(self, array: Any) -> Any:
        """Transpose a numpy array from Keras' axes to PyTorch's (a view)."""
        self.torch_shape(array.shape)
        return array.transpose(self.to_torch_permutation) if self.keras_axes else array


def _permuted(shape: tuple[int, ...], permutation: tuple[int, ...]) -> tuple[int, ...]:
    if permutation and len(permutation) != len(shape):
        raise WrongValue(f"The layout has {len(permutation)} axes, the tensor has the shape {shape}.")
    return tuple(shape[axis] for axis in permutation) if permutation else shape


_NORMALIZATION = {"weight": "gamma", "bias": "beta"}
_BATCH_NORMALIZATION = {
    **_NORMALIZATION,
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
    "num_batches_tracked": "num_batches_tracked",
}


def _kernel(axes: str) -> Mapping[str, str]:
    """A kernel, as it is or weight-normalised, and a bias."""
    return {
        "weight": f"kernel: {axes}",
        "parametrizations.weight.original0": f"kernel_norm: {axes}",
        "parametrizations.weight.original1": f"kernel_direction: {axes}",
        "bias": "bias",
    }


LAYOUTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Dense": {"weight": "kernel: o i -> i o", "bias": "bias"},
        "NormedDense": _kernel("o i -> i o"),
        "Embedding": {"weight": "embeddings"},
        "LayerNormalization": _NORMALIZATION,
        "LayerNorm": _NORMALIZATION,
        "InstanceNorm": _BATCH_NORMALIZATION,
        "GroupNorm": _NORMALIZATION,
        "GroupNormalization": _NORMALIZATION,
        "BatchNormalization": _BATCH_NORMALIZATION,
        "RMSNormalization": {"weight": "scale"},
        "PReLU": {"weight": "alpha"},
        "Conv1D": _kernel("o i k -> k i o"),
        "Conv2D": _kernel("o i h w -> h w i o"),
        "Conv3D": _kernel("o i d h w -> d h w i o"),
        "Conv1DTranspose": _kernel("i o k -> k o i"),
        "Conv2DTranspose": _kernel("i o h w -> h w o i"),
        "Conv3DTranspose": _kernel("i o d h w -> d h w o i"),
    }
)
"""Keras layer class -> {PyTorch parameter: layout}. Subclasses inherit the row of their base."""


OWN_LAYOUTS = "torch_layouts"
"""The attribute with the layouts of a layer that has some of its own."""


def layouts_in(layer: Any) -> dict[str, Layout]:
    """The layouts of a layer: its own where it was given some, else those of its class."""
    own: dict[str, Layout] | None = vars(layer).get(OWN_LAYOUTS)
    return layouts_of(type(layer)) if own is None else own


def layouts_of(layer_class: type) -> dict[str, Layout]:
    """The layouts of a Keras layer class, from its own row of the table or its nearest base's; empty without one."""
    for base in layer_class.__mro__:
        if base.__name__ in LAYOUTS:
            return {parameter: Layout.parse(text) for parameter, text in LAYOUTS[base.__name__].items()}
    return {}
