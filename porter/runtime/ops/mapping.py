"""A function of one example, called on many: `torch.vmap`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0) -> Callable[..., Any]:
    """`torch.vmap`: a function whose arguments and results have one axis more than those of `func`.

    Args:
        func: takes tensors and gives a tensor, or a tuple or list of some.
        in_dims: the axis of each argument that it is mapped over, one number for all; None for one that stays.
        out_dims: where the axis stands in the results, one number for all.
    """

    def mapped(*given: Any) -> Any:
        axes = in_dims if isinstance(in_dims, Sequence) else [in_dims] * len(given)
        moved = [_moved(each, axis, 0) for each, axis in zip(given, axes, strict=True) if axis is not None]

        def one(parts: Any) -> Any:
            waiting = iter(parts)
            return func(*(each if axis is None else next(waiting) for each, axis in zip(given, axes, strict=True)))

        found = tf.vectorized_map(one, moved)
        places = iter(out_dims) if isinstance(out_dims, Sequence) else None
        return tf.nest.map_structure(lambda each: _moved(each, 0, out_dims if places is None else next(places)), found)

    return mapped


def _moved(tensor: Any, axis: int, to: int) -> Any:
    return tensor if axis == to else tf.experimental.numpy.moveaxis(tensor, axis, to)
