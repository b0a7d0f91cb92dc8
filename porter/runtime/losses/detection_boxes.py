"""Boxes of objects: their corners, and how far two of them overlap."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def corners(boxes: Any) -> Any:
    """Centre, width and height as left, top, right and bottom."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return tf.concat([centre - half, centre + half], axis=-1)


def overlaps(one: Any, other: Any) -> Any:
    """The share that two boxes have in common of what both cover, from 0 to 1.

    Args:
        one, other: boxes by their corners, whose shapes fit each other.
    """
    common, both = _common_and_both(one, other)
    return common / both


def generalized_overlaps(one: Any, other: Any) -> Any:
    """How far boxes overlap, from -1 to 1: their common area by that of both, less the share of the gap between them.

    Args:
        one, other: boxes by their corners, whose shapes fit each other.
    """
    common, both = _common_and_both(one, other)
    start, end = tf.minimum(one[..., :2], other[..., :2]), tf.maximum(one[..., 2:], other[..., 2:])
    around = _area(start, end)
    return common / both - (around - both) / around


def _common_and_both(one: Any, other: Any) -> tuple[Any, Any]:
    start, end = tf.maximum(one[..., :2], other[..., :2]), tf.minimum(one[..., 2:], other[..., 2:])
    common = _area(start, end)
    return common, _area(one[..., :2], one[..., 2:]) + _area(other[..., :2], other[..., 2:]) - common


def _area(start: Any, end: Any) -> Any:
    sides = tf.maximum(end - start, 0)
    return sides[..., 0] * sides[..., 1]
