"""Small operations that TensorFlow spells differently or lacks."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def shape_list(tensor: Any) -> list[Any]:
    """The shape of a tensor: an int for every size known while tracing, else an int64 scalar.

    PyTorch's sizes are int64 too, so arithmetic with int64 positions needs no cast.
    """
    tensor = tf.convert_to_tensor(tensor)
    static: list[Any] = tensor.shape.as_list()
    if all(size is not None for size in static):
        return static
    dynamic = tf.shape(tensor, out_type=tf.int64)
    return [dynamic[axis] if size is None else size for axis, size in enumerate(static)]


def dropout(tensor: Any, rate: float, training: bool | None = False) -> Any:
    """`torch.nn.functional.dropout(tensor, p=rate, training=training)`."""
    return tf.nn.dropout(tensor, rate=rate) if training and rate > 0 else tensor
