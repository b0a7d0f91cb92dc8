"""Functions that compute with numpy, called from a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

Function = TypeVar("Function", bound=Callable[..., Any])


def numpy_function(dtype: str, rank: int) -> Callable[[Function], Function]:
    """Let a graph call a function that computes an array with numpy anew each time it runs.

    Eagerly the function is called as it is. Neither XLA nor a SavedModel can hold such a call.

    Args:
        dtype: the type of the array that the function returns, `"bool"`.
        rank: how many axes it has.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if tf.executing_eagerly():
                return function(*args, **kwargs)
            leaves = tf.nest.flatten((args, kwargs))
            places = [index for index, leaf in enumerate(leaves) if tf.is_tensor(leaf)]

            def run(*values: Any) -> Any:
                given = list(leaves)
                for place, value in zip(places, values, strict=True):
                    given[place] = value
                positional, named = tf.nest.pack_sequence_as((args, kwargs), given)
                return function(*positional, **named).astype(dtype)

            array = tf.numpy_function(run, [leaves[place] for place in places], tf.as_dtype(dtype))
            return tf.ensure_shape(array, [None] * rank)

        return wrapper  # type: ignore[return-value]

    return decorate
