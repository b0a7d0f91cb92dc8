"""What einops packs and unpacks, where a graph may not know the sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.ops.common import shape_list


def unpack_axes(tensor: Any, packed_shapes: Sequence[Sequence[Any]], pattern: str) -> list[Any]:
    """`einops.unpack`: the tensors that `einops.pack` has joined along the axis `*` of a pattern such as `b * d`.

    Args:
        tensor: has as many axes as the pattern.
        packed_shapes: the axes that each of them had in place of `*`.
        pattern: names of axes and one `*`.
    """
    axis = pattern.split().index("*")
    sizes = shape_list(tensor)
    parts = tf.split(tensor, [math.prod(shape) for shape in packed_shapes], axis=axis)
    return [
        tf.reshape(part, [*sizes[:axis], *shape, *sizes[axis + 1 :]])
        for part, shape in zip(parts, packed_shapes, strict=True)
    ]
