"""Weights as PyTorch's initialisation sees them: under PyTorch's names, with PyTorch's axes, filled in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from porter.runtime.keras_internals import own_name
from porter.runtime.layers.dense import TiedDense
from porter.runtime.layers.places import named_children, sublayers
from porter.runtime.layers.reserved import port_attribute
from porter.runtime.model.names import own_variables
from porter.runtime.port_errors import WrongValue
from porter.runtime.stored.layouts import Layout, layouts_in

_fillable: ContextVar[frozenset[int] | None] = ContextVar("porter_fillable_weights", default=None)


@contextmanager
def filling_only(variables: frozenset[int] | None) -> Iterator[None]:
    """Let only these variables, by their `id`, be filled meanwhile; None for all."""
    token = _fillable.set(variables)
    try:
        yield
    finally:
        _fillable.reset(token)


@dataclass(frozen=True)
class Parameter:
    """A weight, or a part of one, that can be filled.

    Attributes:
        variable: the Keras variable that holds it.
        layout: its axes in both frameworks.
        is_own: whether the layer that was asked owns it; one that is tied to another layer's weight does not.
        part: what was taken of it, such as a row; None for the whole.
    """

    variable: Any
    layout: Layout
    is_own: bool = True
    part: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """PyTorch's shape."""
        whole = self.layout.torch_shape(tuple(self.variable.shape))
        return whole if self.part is None else np.empty(whole, np.bool_)[self.part].shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> Any:
        """TensorFlow's type of its numbers."""
        return tf.as_dtype(self.variable.dtype)

    @property
    def _is_hf_initialized(self) -> bool:
        """What transformers calls a weight that a checkpoint has given its numbers, or that is another layer's."""
        allowed = _fillable.get()
        return not self.is_own or (allowed is not None and id(self.variable) not in allowed)

    def __getitem__(self, part: Any) -> Parameter:
        """A part of the whole, which is filled in its place."""
        return replace(self, part=part)

    def __setitem__(self, part: Any, value: Any) -> None:
        self[part].fill(value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """The numbers with PyTorch's axes."""
        whole = self.layout.to_torch(np.asarray(self.variable))
        found: np.ndarray[Any, Any] = np.array(whole if self.part is None else whole[self.part], dtype=dtype)
        return found

    def fill(self, values: Any) -> None:
        """Give it values, a number or an array with PyTorch's axes, unless a checkpoint has given it its own."""
        if self._is_hf_initialized:
            return
        array = np.asarray(values).astype(self.dtype.as_numpy_dtype)
        if self.part is not None:
            whole = np.array(self.layout.to_torch(np.asarray(self.variable)))
            whole[self.part] = array
            array = whole
        self._assign(self.layout.to_keras(np.broadcast_to(array, self.layout.torch_shape(self.variable.shape))))

    def draw(self, drawn: Callable[[tuple[int, ...], str], Any]) -> None:
        """Give it numbers that do not depend on each other, so that their order is of no concern.

        Args:
            drawn: makes a tensor of a shape and of a float type, "float32" or "float64".
        """
        if self._is_hf_initialized:
            return
        dtype = "float64" if self.dtype == tf.float64 else "float32"
        if self.part is None:
            self._assign(drawn(tuple(self.variable.shape), dtype))
        else:
            self.fill(drawn(self.shape, dtype))

    def _assign(self, values: Any) -> None:
        with tf.init_scope():
            self.variable.assign(tf.cast(values, self.dtype))

    def __mul__(self, factor: Any) -> Any:
        return np.asarray(self) * factor

    def __truediv__(self, divisor: Any) -> Any:
        return np.asarray(self) / divisor

    def __add__(self, term: Any) -> Any:
        return np.asarray(self) + term

    def __sub__(self, term: Any) -> Any:
        return np.asarray(self) - term

    def __imul__(self, factor: Any) -> Parameter:
        self.fill(self * factor)
        return self

    def __itruediv__(self, divisor: Any) -> Parameter:
        self.fill(self / divisor)
        return self

    def __iadd__(self, term: Any) -> Parameter:
        self.fill(self + term)
        return self

    def __isub__(self, term: Any) -> Parameter:
        self.fill(self - term)
        return self


def parameter(layer: keras.Layer, name: str) -> Any:
    """What PyTorch has as `layer.name`: a weight or a buffer, whatever Keras calls it and however it lies there.

    Returns:
        A `Parameter`; a constant of the layer as it is; None for a weight that the layer does not have.
    """
    for found, layout, variable, _ in own_variables(layer):
        if found == name:
            return Parameter(variable, layout)
    tied = _tied_variable(layer, name)
    if tied is not None:
        return tied
    return getattr(layer, port_attribute(name, is_model=isinstance(layer, keras.Model)), None)


def set_weight(layer: keras.Layer, name: str, value: Any) -> None:
    """`layer.weight.data = value`: give a layer's weight other numbers, with PyTorch's axes, while the model runs.

    Raises:
        WrongValue: the layer has no such weight.
    """
    for found, layout, variable, _ in own_variables(layer):
        if found == name:
            order = layout.to_keras_permutation
            variable.assign(tf.cast(tf.transpose(value, order) if order else value, variable.dtype))
            return
    raise WrongValue(f"The layer {layer.name} has no weight that PyTorch calls {name}.")


def _tied_variable(layer: keras.Layer, name: str) -> Parameter | None:
    """A weight of the layer that is another layer's, which fills it."""
    if isinstance(layer, TiedDense) and layer.lender is not None and name == "weight":
        return Parameter(layer.lender.embeddings, Layout("embeddings"), is_own=False)
    layout = layouts_in(layer).get(name, Layout(name))
    held = vars(layer).get(f"_{layout.variable}", vars(layer).get(layout.variable))
    return Parameter(held, layout, is_own=False) if isinstance(held, keras.Variable) else None


def as_parameter(weight: Any) -> Parameter | None:
    """A weight that a fill function was given; None for a constant, which the constructor has given its numbers."""
    if isinstance(weight, Parameter):
        return weight
    return Parameter(weight, Layout(own_name(weight))) if isinstance(weight, keras.Variable) else None


def modules(layer: keras.Layer) -> Iterator[keras.Layer]:
    """`torch.nn.Module.modules`: the layer and all below it, each once."""
    for _, found in named_modules(layer):
        yield found


def named_modules(layer: keras.Layer) -> Iterator[tuple[str, keras.Layer]]:
    """`torch.nn.Module.named_modules`: the same with PyTorch's names, `""` for the layer itself."""
    seen: set[int] = set()
    waiting = [("", layer)]
    while waiting:
        name, found = waiting.pop(0)
        if id(found) not in seen:
            seen.add(id(found))
            yield name, found
            below = [(f"{name}.{key}" if name else key, child) for key, child in named_children(found)]
            waiting[:0] = below


def named_parameters(layer: keras.Layer, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
    """`torch.nn.Module.named_parameters`: every weight that trains in PyTorch, by its name below the layer."""
    seen: set[int] = set()
    for name, found in named_modules(layer) if recurse else [("", layer)]:
        for own, layout, variable, _ in own_variables(found):
            if id(variable) not in seen and not _is_buffer(own, variable):
                seen.add(id(variable))
                yield f"{name}.{own}" if name else own, Parameter(variable, layout)


def parameters(layer: keras.Layer, recurse: bool = True) -> Iterator[Parameter]:
    """`torch.nn.Module.parameters`."""
    for _, found in named_parameters(layer, recurse):
        yield found


def apply(layer: keras.Layer, function: Callable[[Any], Any]) -> None:
    """`torch.nn.Module.apply`: call a function with every layer below and then with this one."""
    for child in sublayers(layer):
        apply(child, function)
    function(layer)


def _is_buffer(name: str, variable: Any) -> bool:
    return name.rpartition(".")[2] in ("running_mean", "running_var", "num_batches_tracked") or (
        not tf.as_dtype(variable.dtype).is_floating
    )
