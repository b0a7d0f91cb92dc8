"""`torch.nn.utils.weight_norm` and `spectral_norm`: layers whose weight is computed from others."""

from __future__ import annotations

import keras

from porter.runtime.layers.convolution import KernelLayer
from porter.runtime.layers.dense import NormedDense
from porter.runtime.layers.kernel_parts import DirectionAndLength, OverLargestStretch
from porter.runtime.layers.laid_out import laid_out
from porter.runtime.port_errors import WrongValue
from porter.runtime.stored.layouts import Layout, layouts_in

Normed = KernelLayer | NormedDense


def weight_norm(layer: KernelLayer | keras.layers.Dense, name: str = "weight", dim: int | None = 0) -> Normed:
    """`torch.nn.utils.parametrizations.weight_norm`: learn the kernel's direction and lengths apart.

    Args:
        layer: a convolution or a dense layer that is not built yet.
        name: without meaning; only the weight can be normalised.
        dim: the axis of PyTorch's weight whose slices have lengths of their own; with None or -1 there is one length.

    Returns:
        The same layer; for a dense one another, which has such a weight.

    Raises:
        WrongValue: the layer is built or of another kind, or has no such axis.
    """
    normed, layout = _normed(layer)
    if dim is None or dim == -1:
        normed.parts = DirectionAndLength(None)
        axes = _axes(layout)
        names = {"original0": "kernel_norm", "original1": f"kernel_direction{axes}"}
        laid_out(normed, {**{f"parametrizations.weight.{key}": of for key, of in names.items()}, "bias": "bias"})
        return normed
    normed.parts = DirectionAndLength(layout.to_keras_permutation.index(_axis(layout, dim)))
    return normed


def spectral_norm(
    layer: KernelLayer | keras.layers.Dense,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Normed:
    """`torch.nn.utils.parametrizations.spectral_norm`: a weight over its largest singular value.

    Args:
        layer: a convolution or a dense layer that is not built yet.
        name: without meaning; only the weight can be normalised.
        n_power_iterations: rounds by which each call in training improves the estimate.
        eps: the least length that a vector is divided by.
        dim: the axis of PyTorch's weight that stands for the rows; None means that of the outputs.

    Returns:
        The same layer; for a dense one another, which has such a weight.

    Raises:
        WrongValue: the layer is built or of another kind, or has no such axis.
    """
    names = ("parametrizations.weight.original", "parametrizations.weight.0._u", "parametrizations.weight.0._v")
    return _spectral(layer, (n_power_iterations, eps, dim), names)


def former_spectral_norm(
    layer: KernelLayer | keras.layers.Dense,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Normed:
    """`torch.nn.utils.spectral_norm`: as `spectral_norm`, under the names that weights had before, `weight_orig`."""
    return _spectral(layer, (n_power_iterations, eps, dim), ("weight_orig", "weight_u", "weight_v"))


def _spectral(
    layer: KernelLayer | keras.layers.Dense, options: tuple[int, float, int | None], names: tuple[str, str, str]
) -> Normed:
    normed, layout = _normed(layer)
    rounds, eps, dim = options
    row = _axis(layout, layout.torch_axes.index("o") if dim is None else dim)
    axes = [layout.torch_axes[row], *(axis for at, axis in enumerate(layout.torch_axes) if at != row)]
    is_former = names[0] == "weight_orig"
    order = tuple(layout.keras_axes.index(axis) for axis in axes)
    normed.parts = OverLargestStretch(order, rounds, eps, left_first=not is_former, settling=0 if is_former else 15)
    variables = (f"kernel_original{_axes(layout)}", "kernel_u", "kernel_v")
    laid_out(normed, {**dict(zip(names, variables, strict=True)), "bias": "bias"})
    return normed


def _normed(layer: KernelLayer | keras.layers.Dense) -> tuple[Normed, Layout]:
    """The layer as one whose weight can be computed, and how its weight lies."""
    if isinstance(layer, keras.layers.Dense) and not isinstance(layer, NormedDense):
        if layer.built:
            raise WrongValue(f"{layer.name} is built already, its weight cannot be normalised any more.")
        layer = NormedDense(**{**layer.get_config(), "dtype": layer.dtype_policy})
    if not isinstance(layer, (KernelLayer, NormedDense)):
        raise WrongValue(f"{layer.name} ({type(layer).__name__}) has no weight that could be normalised.")
    if layer.built:
        raise WrongValue(f"{layer.name} is built already, its weight cannot be normalised any more.")
    return layer, layouts_in(layer)["weight"]


def _axis(layout: Layout, dim: int) -> int:
    if not 0 <= dim < len(layout.torch_axes):
        raise WrongValue(f"A weight of {len(layout.torch_axes)} axes is not normalised along dim={dim}.")
    return dim


def _axes(layout: Layout) -> str:
    return f": {' '.join(layout.torch_axes)} -> {' '.join(layout.keras_axes)}"
