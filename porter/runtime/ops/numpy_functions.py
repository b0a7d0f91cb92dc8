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

    def called(run: Callable[..., Any], tensors: Sequence[Any]) -> Any:
        array = tf.numpy_function(lambda *values: run(*values).astype(dtype), tensors, tf.as_dtype(dtype))
        return tf.ensure_shape(array, [None] * rank)

    return _in_graphs(called)


def python_function(*results: tuple[str, tuple[int | None, ...]]) -> Callable[[Function], Function]:
    """Let a graph call a function that runs through the values of tensors, each time the graph runs.

    Eagerly the function is called as it is. Neither XLA nor a SavedModel can hold such a call.

    Args:
        results: the type and the sizes of each tensor that the function returns, `("int64", (3, None))`.
    """

    def called(run: Callable[..., Any], tensors: Sequence[Any]) -> Any:
        def cast(*values: Any) -> list[Any]:
            found = run(*values)
            several = found if isinstance(found, tuple) else (found,)
            return [tf.cast(one, dtype) for one, (dtype, _) in zip(several, results, strict=True)]

        made = tf.py_function(cast, tensors, [tf.as_dtype(dtype) for dtype, _ in results])
        shaped = tuple(tf.ensure_shape(one, sizes) for one, (_, sizes) in zip(made, results, strict=True))
        return shaped if len(shaped) > 1 else shaped[0]

    return _in_graphs(called)


def _in_graphs(called: Callable[[Callable[..., Any], Sequence[Any]], Any]) -> Callable[[Function], Function]:
    """A decorator that eagerly leaves a function as it is; a graph calls it by `called(run, tensors)`.

    The tensors are those among the arguments, and `run` takes their values in their places.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if tf.executing_eagerly():
                return function(*args, **kwargs)
            leaves = tf.nest.flatten((args, kwargs))
            places = [index for index, leaf in enumerate(leaves) if tf.is_tensor(leaf)]

            def run(*values: Any) -> Any:
                given = dict(enumerate(leaves)) | dict(zip(places, values, strict=True))
                positional, named = tf.nest.pack_sequence_as((args, kwargs), list(given.values()))
                return function(*positional, **named)

            return called(run, [leaves[place] for place in places])

        return wrapper  # type: ignore[return-value]

    return decorate
