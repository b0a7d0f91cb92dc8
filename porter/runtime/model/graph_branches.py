"""Functions whose branches depend on numbers that only a graph's run knows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from porter.runtime.keras_internals import wraps_call

Function = TypeVar("Function", bound=Callable[..., Any])


def graph_branches(function: Function) -> Function:
    """Let a graph hold both sides of an `if` on a tensor's value or a random number, and a `while` on a value.

    Keras runs a `call` as plain Python, in which such an `if` would be decided once, while the graph is made. In a
    graph this function is run as AutoGraph translates it; eagerly it stays as it is.
    """
    translated = functools.cache(lambda: tf.autograph.to_graph(function, recursive=False))

    @wraps_call(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if tf.executing_eagerly() else translated()(*args, **kwargs)

    return wrapper  # type: ignore[return-value]
