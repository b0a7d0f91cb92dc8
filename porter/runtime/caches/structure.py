"""Caches taken apart into tensors and a form that can be compared, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from porter.runtime.port_errors import WrongValue

Structure = tuple[Any, ...]


def split(value: Any, tensors: list[Any], *, counts_vary: bool = True) -> Structure:
    """The form of a cache, a layer or anything in them; its tensors are appended to `tensors`.

    Two caches of the same form share a graph, so counts of positions become tensors; without `counts_vary` numbers
    stay numbers.
    """
    if tf.is_tensor(value) or isinstance(value, tf.TypeSpec):  # Keras keeps the form of what a layer was called with
        tensors.append(value)
        return ("tensor",)
    if isinstance(value, dict):
        return ("dict", tuple((key, split(item, tensors, counts_vary=counts_vary)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return (type(value), tuple(split(item, tensors, counts_vary=counts_vary) for item in value))
    if value is None or isinstance(value, int | float | str | type):
        return ("value", value)
    counters = getattr(value, "counters", ()) if counts_vary else ()
    attributes = {name: _count(item) if name in counters else item for name, item in vars(value).items()}
    return ("object", type(value), split(attributes, tensors, counts_vary=counts_vary))


def _count(value: Any) -> Any:
    """A number of positions as a tensor, or the form of one."""
    return value if isinstance(value, tf.TypeSpec) else tf.cast(value, tf.int64)


def joined(structure: Structure, tensors: Iterator[Any]) -> Any:
    """The reverse of `split`, with these tensors in the same order."""
    match structure:
        case ("tensor",):
            return next(tensors)
        case ("value", value):
            return value
        case ("dict", items):
            return {key: joined(item, tensors) for key, item in items}
        case ("object", kind, attributes):
            made = object.__new__(kind)
            vars(made).update(joined(attributes, tensors))
            return made
        case (kind, items):
            return kind(joined(item, tensors) for item in items)
    raise WrongValue(f"{structure!r} is not a form of a cache.")
