"""Layers on one example that has no axis of a batch."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


def one_or_batch(layer: keras.layers.Layer, tensor: Any, rank: int) -> Any:
    """`layer(tensor)` as PyTorch's layers have it: of a single example as well, which Keras' layers refuse.

    Args:
        layer: the layer.
        tensor: a batch of examples, or one.
        rank: how many axes a batch has.
    """
    return layer(tensor[tf.newaxis])[0] if tensor.shape.rank == rank - 1 else layer(tensor)
