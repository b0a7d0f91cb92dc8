"""Functions that compute with numpy, or in Python with the values of tensors, called from a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
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
            tensors, packed = _tensors_of(args, kwargs)

            def run(*values: Any) -> Any:
                positional, named = packed(values)
                return function(*positional, **named).astype(dtype)

            array = tf.numpy_function(run, tensors, tf.as_dtype(dtype))
            return tf.ensure_shape(array, [None] * rank)

        return wrapper  # type: ignore[return-value]

    return decorate


def python_function(*results: tuple[str, tuple[int | None, ...]]) -> Callable[[Function], Function]:
    """Let a graph call a function that runs through the values of tensors, each time the graph runs.

    Eagerly the function is called as it is. Neither XLA nor a SavedModel can hold such a call.

    Args:
        results: the type and the sizes of each tensor that the function returns, `("int64", (3, None))`.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if tf.executing_eagerly():
                return function(*args, **kwargs)
            tensors, packed = _tensors_of(args, kwargs)

            def run(*values: Any) -> Any:
                positional, named = packed(values)
                found = function(*positional, **named)
                several = found if isinstance(found, tuple) else (found,)
                return [tf.cast(one, dtype) for one, (dtype, _) in zip(several, results, strict=True)]

            made = tf.py_function(run, tensors, [tf.as_dtype(dtype) for dtype, _ in results])
            shaped = tuple(tf.ensure_shape(one, sizes) for one, (_, sizes) in zip(made, results, strict=True))
            return shaped if len(shaped) > 1 else shaped[0]

        return wrapper  # type: ignore[return-value]

    return decorate


def _tensors_of(args: Any, kwargs: Any) -> tuple[list[Any], Callable[[Sequence[Any]], Any]]:
    """The tensors among the arguments, and the arguments with other values in their places."""
    leaves = tf.nest.flatten((args, kwargs))
    places = [index for index, leaf in enumerate(leaves) if tf.is_tensor(leaf)]

    def packed(values: Sequence[Any]) -> Any:
        given = dict(enumerate(leaves)) | dict(zip(places, values, strict=True))
        return tf.nest.pack_sequence_as((args, kwargs), list(given.values()))

    return [leaves[place] for place in places], packed
