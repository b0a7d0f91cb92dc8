"""What a graph of a port takes: the inputs with the dimensions unknown that differ between two sets of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from porter.subject.inputs.arrays import Inputs


def split(inputs: Inputs) -> tuple[Inputs, Inputs]:
    """The inputs that are arrays, or lists and tables of arrays; and the plain values."""
    arrays = {name: value for name, value in inputs.items() if holds_arrays(value)}
    return arrays, {name: value for name, value in inputs.items() if name not in arrays}


def holds_arrays(value: object) -> bool:
    """Whether an input is an array, or a list or table that holds some."""
    if isinstance(value, Mapping | list):
        return any(holds_arrays(item) for item in (value.values() if isinstance(value, Mapping) else value))
    return hasattr(value, "shape")


def input_signature(arrays: Any, others: Any, name: str = "") -> Any:
    """The TensorSpecs that both fit, in the same lists and tables."""
    import tensorflow as tf

    if isinstance(arrays, Mapping):
        return {key: input_signature(item, others[key], f"{name}_{key}".lstrip("_")) for key, item in arrays.items()}
    if isinstance(arrays, list):
        return [input_signature(item, others[at], f"{name}_{at}") for at, item in enumerate(arrays)]
    shape = [size if size == same else None for size, same in zip(arrays.shape, others.shape, strict=True)]
    return tf.TensorSpec(shape, arrays.dtype, name=name)
