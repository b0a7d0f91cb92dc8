"""Reductions of those elements for which a mask is true, as `torch.masked` has them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def masked_mean(tensor: Any, mask: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """`torch.masked.mean(tensor, dim=axis, mask=mask)`: NaN where the mask leaves nothing."""
    total, count = _total_and_count(tensor, mask, axis, keepdims)
    return total / count


def masked_var(tensor: Any, mask: Any, axis: Any = None, keepdims: bool = False, correction: int = 1) -> Any:
    """`torch.masked.var(tensor, dim=axis, mask=mask)`: squares are divided by how many they are, less `correction`."""
    apart = tensor - masked_mean(tensor, mask, axis, keepdims=True)
    total, count = _total_and_count(tf.square(apart), mask, axis, keepdims)
    return total / tf.maximum(count - correction, 0)


def masked_std(tensor: Any, mask: Any, axis: Any = None, keepdims: bool = False, correction: int = 1) -> Any:
    """`torch.masked.std(tensor, dim=axis, mask=mask)`: the root of the variance."""
    return tf.sqrt(masked_var(tensor, mask, axis, keepdims, correction))


def _total_and_count(tensor: Any, mask: Any, axis: Any, keepdims: bool) -> tuple[Any, Any]:
    """The sum of what the mask leaves, and how many elements that are."""
    kept = tf.broadcast_to(mask, tf.shape(tensor))
    count = tf.reduce_sum(tf.cast(kept, tensor.dtype), axis=axis, keepdims=keepdims)
    return tf.reduce_sum(tf.where(mask, tensor, 0), axis=axis, keepdims=keepdims), count
