"""Small operations that TensorFlow spells differently or lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from porter.runtime.ops.repeated_draws import next_seed


class Sizes(list[Any]):
    """A shape. Keras takes it for one value, where it refuses plain lists of both tensors and numbers in a call."""


def shape_list(tensor: Any) -> Sizes:
    """The shape of a tensor: an int for every size known while tracing, else an int64 scalar.

    PyTorch's sizes are int64 too, so arithmetic with int64 positions needs no cast.
    """
    tensor = tf.convert_to_tensor(tensor)
    static: list[Any] = tensor.shape.as_list()
    if all(size is not None for size in static):
        return Sizes(static)
    dynamic = tf.shape(tensor, out_type=tf.int64)
    return Sizes(dynamic[axis] if size is None else size for axis, size in enumerate(static))


def to_tensor(data: Any) -> Any:
    """`torch.tensor(data)`: Python's integers become int64, its fractions float32; a tensor keeps its dtype."""
    tensor = tf.convert_to_tensor(data)
    of_python = not (tf.is_tensor(data) or isinstance(data, np.ndarray | np.generic))
    return tf.cast(tensor, tf.int64) if of_python and tensor.dtype == tf.int32 else tensor


def dropout(tensor: Any, rate: float, training: bool | None = False, whole_channels: bool = False) -> Any:
    """`torch.nn.functional.dropout(tensor, p=rate, training=training)`.

    With `whole_channels` it is `dropout2d` or `dropout3d` of `(batch, channels, ...)`.
    """
    if not training or rate == 0:
        return tensor
    drawn = [*shape_list(tensor)[:2], *[1] * (tensor.shape.rank - 2)] if whole_channels else None
    seed = next_seed()
    if seed is not None:
        return tf.nn.experimental.stateless_dropout(tensor, rate, seed=seed, noise_shape=drawn)
    return tf.nn.dropout(tensor, rate=rate, noise_shape=drawn)


def slice_logits_to_keep(hidden_states: Any, logits_to_keep: Any) -> Any:
    """The positions `(batch, kept, hidden)` that logits are asked for.

    `logits_to_keep` is the number of last positions (0 for all), the positions themselves `(kept,)` or, for each
    sample, `(batch, kept)`, or a bool mask `(batch, length)` whose positions come flattened, `(kept, hidden)`.
    """
    if not tf.is_tensor(logits_to_keep):
        return hidden_states[:, -logits_to_keep:] if logits_to_keep else hidden_states
    if logits_to_keep.dtype == tf.bool:
        return tf.boolean_mask(hidden_states, logits_to_keep)
    if logits_to_keep.shape.rank == 2:
        return tf.gather(hidden_states, logits_to_keep, axis=1, batch_dims=1)
    return tf.gather(hidden_states, logits_to_keep, axis=1)
