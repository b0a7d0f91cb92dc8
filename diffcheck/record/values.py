"""Nested outputs of either framework as named numpy arrays; loads neither framework."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

PYTHON = "python"
"""The dtype name of a plain Python number, which has no dtype of its own."""

_CACHE_STATES = ("keys", "values", "conv_states", "recurrent_states")
_CACHE_PARTS = ("self_attention_cache", "cross_attention_cache")


@dataclass(frozen=True)
class TensorValue:
    """One tensor, copied to numpy. ``dtype`` is its own; ``array`` is widened where numpy has no such dtype."""

    array: np.ndarray[Any, Any]
    dtype: str


Copy = Callable[[object], TensorValue | None]
"""Something that copies one tensor to numpy, and answers None for what is none."""


@dataclass(frozen=True)
class Flattened:
    """The tensors of a nested value by dotted path, in order, and the paths of what is not a tensor."""

    tensors: Mapping[str, TensorValue]
    skipped: tuple[str, ...] = ()


def flatten(value: object, prefix: str = "", copy: Copy | None = None) -> Flattened:
    """Name every tensor inside ``value``; ``copy`` copies one to numpy, by default :func:`as_tensor`.

    Mappings, dataclasses, tuples, lists, what has a ``to_list``, and key-value caches are walked; ``None`` is absent.
    A string or an object of another kind is not compared and comes back in ``skipped`` with its type.
    """
    tensors: dict[str, TensorValue] = {}
    skipped: list[str] = []
    for path, leaf in _leaves(value, prefix):
        tensor = (copy or as_tensor)(leaf)
        if tensor is None:
            skipped.append(f"{path or 'value'} ({type(leaf).__name__})")
        else:
            tensors[path] = tensor
    return Flattened(tensors, tuple(skipped))


def as_tensor(value: object) -> TensorValue | None:
    """Copy a PyTorch, TensorFlow, Keras or numpy tensor, or a number, to numpy; None if it is none of them."""
    if isinstance(value, bool | int | float | complex):
        return TensorValue(np.asarray(value), PYTHON)
    if isinstance(value, np.ndarray | np.generic):
        return _from_numpy(np.array(value))
    return view_of(value, copied=True)


def view_of(value: object, copied: bool = False) -> TensorValue | None:
    """A framework's tensor as numpy; unless ``copied``, it may change when PyTorch writes into its tensor."""
    if isinstance(value, np.ndarray | np.generic) or not is_tensor(value):
        return None
    if hasattr(value, "detach"):
        return _from_torch(value, copied)
    # Most of TensorFlow's give a view of their numbers to `asarray`, read-only as they never change.
    numpy = getattr(value, "numpy")  # noqa: B009 - a tensor of a framework that is not imported here
    return _from_numpy(np.asarray(value if hasattr(value, "__array__") else numpy()))


def is_tensor(value: object) -> bool:
    """Whether ``value`` is an array or a tensor with values (not a symbolic one)."""
    if isinstance(value, np.ndarray | np.generic):
        return True
    return hasattr(value, "shape") and hasattr(value, "dtype") and callable(getattr(value, "numpy", None))


def is_cache(value: object) -> bool:
    """Whether ``value`` holds keys and values of attention per layer, as transformers' caches do."""
    if any(hasattr(value, part) for part in _CACHE_PARTS):
        return True
    layers = getattr(value, "layers", None)
    if not isinstance(layers, Sequence) or callable(value) or not (layers or hasattr(value, "get_seq_length")):
        return False
    return all(any(hasattr(layer, state) for state in _CACHE_STATES) for layer in layers)


def cache_children(value: object) -> Iterator[tuple[str, object]]:
    """The tensors of a cache: ``self_attention_cache.0.keys`` or ``0.keys``."""
    for part in _CACHE_PARTS:
        if hasattr(value, part):
            yield part, getattr(value, part)
    for number, layer in enumerate(getattr(value, "layers", ())):
        yield str(number), {name: getattr(layer, name, None) for name in _CACHE_STATES}


def children(value: object) -> Iterator[tuple[str, object]] | None:
    """Named parts of a container, or None if ``value`` is a leaf."""
    if isinstance(value, Mapping):
        return ((str(key), part) for key, part in value.items())
    if is_dataclass(value) and not isinstance(value, type) and not is_cache(value):
        return ((field.name, getattr(value, field.name)) for field in fields(value))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    if isinstance(value, tuple | list | frozenset | set):
        return ((str(number), part) for number, part in enumerate(value))
    if is_tensor(value):
        return None
    if is_cache(value):
        return cache_children(value)
    if callable(to_list := getattr(value, "to_list", None)):
        return children(to_list())
    return None


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if value is None:
        return
    parts = children(value)
    if parts is None:
        yield path, value
        return
    for name, part in parts:
        yield from _leaves(part, f"{path}.{name}" if path else name)


def _from_torch(value: Any, copied: bool) -> TensorValue:
    dtype = str(value.dtype).removeprefix("torch.")
    tensor = value.detach().cpu()
    if dtype == "bfloat16":
        tensor = tensor.float()
    array = tensor.resolve_conj().resolve_neg().numpy()
    return TensorValue(array.copy() if copied else array, dtype)


def _from_numpy(array: np.ndarray[Any, Any]) -> TensorValue:
    dtype = array.dtype.name
    if dtype == "bfloat16":
        array = array.astype(np.float32)
    return TensorValue(array, dtype)
