"""All that porter uses of Keras 3 beyond its documented interface.

This is the file to look at when a new version of Keras changes something: each function says what is asked of Keras,
and nothing else in porter knows how.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

LISTS_OF_PARTS = frozenset({"_layers", "_metrics", "_trainable_variables", "_non_trainable_variables"})
"""The attributes in which Keras itself lists what a layer has."""


def set_untracked(owner: Any, name: str, value: Any) -> None:
    """Set an attribute without Keras looking at it.

    Keras' own assignment would make a layer, a variable or a list a part of `owner`, or refuse it while `owner` is
    not set up, or refuse it because `owner` is built.
    """
    object.__setattr__(owner, name, value)


def wraps_call(call: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`functools.wraps` for what stands around a `call`: Keras 2 does not look through it for its arguments."""

    def decorate(wrapper: Callable[..., Any]) -> Callable[..., Any]:
        wrapped: Any = functools.wraps(call)(wrapper)
        wrapped.__signature__ = inspect.signature(call)
        return wrapped  # type: ignore[no-any-return]

    return decorate


@contextmanager
def set_meanwhile(owner: Any, name: str, value: Any) -> Iterator[None]:
    """:func:`set_untracked` for a while; afterwards the attribute is what it was, or is not there."""
    missing = name not in vars(owner)
    before = vars(owner).get(name)
    set_untracked(owner, name, value)
    try:
        yield
    finally:
        if missing:
            object.__delattr__(owner, name)
        else:
            set_untracked(owner, name, before)


@contextmanager
def output_shape_shown(layer: keras.Layer, shape: tuple[int | None, ...]) -> Iterator[None]:
    """Let `summary()` show a shape for a layer's output, where Keras itself does not know one."""
    if hasattr(layer, "output_shape"):
        yield
        return
    with (
        set_meanwhile(layer, "output_shape", shape),
        set_meanwhile(layer, "_build_shapes_dict", {"input_shape": None}),
    ):
        yield


def computing_in(dtype: str) -> AbstractContextManager[None]:
    """Let variables be read in this float type, as they are inside a layer's `call`."""
    from keras.src.backend.common.variables import AutocastScope

    scope: AbstractContextManager[None] = AutocastScope(dtype)
    return scope


def children(layer: keras.Layer) -> list[keras.Layer]:
    """The layers directly below a layer, in the order in which they were first assigned."""
    found: list[keras.Layer] = layer._layers
    return found


def every_layer(model: keras.Layer) -> list[keras.Layer]:
    """The model and all layers below it, each once."""
    return list(model._flatten_layers())


def set_layer_name(layer: keras.Layer, name: str) -> None:
    """Let a layer have another name."""
    layer.name = name


def variables_of(layer: keras.Layer) -> list[Any]:
    """The variables that a layer has itself, without those of the layers below it: trainable ones first."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def own_name(variable: Any) -> str:
    """What a layer calls a variable of its own, such as `kernel`."""
    return str(variable.name)


def untrack_layer(parent: keras.Layer, layer: keras.Layer) -> None:
    """Stop counting `layer` as a part of `parent`.

    Keras does so for members of lists, but not for attributes that are assigned anew.
    """
    parent._tracker.untrack(layer)


def untrack_variable(layer: keras.Layer, variable: Any) -> None:
    """Stop counting `variable` as a weight of `layer`."""
    layer._untrack_variable(variable)


@contextmanager
def open_to_weights(layer: keras.Layer) -> Iterator[None]:
    """Let weights and layers be added to a layer that is built already; one that is not is open anyway."""
    if not layer.built:
        yield
        return
    layer._tracker.unlock()
    try:
        yield
    finally:
        layer._tracker.lock()


def own_attributes(layer: keras.Layer, unmade: keras.Layer) -> dict[str, Any]:
    """What a layer's own constructors have kept in it, other than Keras' and TensorFlow's, beside one without any."""
    kept = vars(unmade)
    return {name: value for name, value in vars(layer).items() if name not in kept and not name.startswith("_self_")}


def unmade(layer: keras.Layer) -> keras.Layer:
    """A layer of the same class and types as this one, of which no constructor but Keras' own has run."""
    base = keras.Model if isinstance(layer, keras.Model) else keras.layers.Layer
    kind: Any = type(layer)
    found: keras.Layer = kind.__new__(kind)
    base.__init__(found, trainable=layer.trainable, dtype=layer.dtype_policy)
    return found


def close_to_weights(layer: keras.Layer) -> None:
    """Take a layer for built: it has all its weights."""
    layer.built = True
    layer._tracker.lock()


def own_kernel(layer: keras.layers.Dense) -> Any:
    """The variable behind `layer.kernel`; None where the layer has none yet."""
    return vars(layer).get("_kernel")


def own_table(layer: keras.layers.Embedding) -> Any:
    """The variable behind `layer.embeddings`; None where the layer has none yet."""
    return vars(layer).get("_embeddings")


def is_compiled(model: keras.Model) -> bool:
    """Whether `compile` was called."""
    return bool(model.compiled)


def put(model: keras.Model, variable: Any, array: np.ndarray[Any, Any]) -> None:  # Keras 2 has to know the model
    """Give a variable of a model other numbers, of another shape too; whoever holds the variable has them."""
    if tuple(variable.shape) == array.shape:
        variable.assign(array)
        return
    with tf.init_scope():
        variable._shape = array.shape
        variable._initialize(array)


def forget_kernel(layer: keras.layers.Dense) -> None:
    """Take the kernel from a dense layer; its numbers go."""
    kernel = own_kernel(layer)
    if kernel is not None:
        untrack_variable(layer, kernel)
        layer._kernel = None


def takes_training(layer: Any) -> bool:
    """Whether the layer's `call` has a parameter `training`; False of what is not a layer."""
    return bool(getattr(layer, "_call_has_training_arg", False))


def take_any_positional(model: keras.Model) -> None:
    """Let caches and mappings stand among the positional arguments of `call`, where Keras wants tensors only."""
    model._allow_non_tensor_positional_args = True


def read_from(variable: Any, initializer: Callable[..., Any]) -> None:
    """Let a variable that has no numbers take them from `initializer(shape, dtype)`, each time it is used."""
    variable._initializer = initializer


def allocate_nothing_later() -> None:
    """Forget the variables that were made in a `keras.StatelessScope` without numbers.

    Keras would allocate them at the end of the next such scope, whoever opens it.
    """
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("uninitialized_variables", [])
