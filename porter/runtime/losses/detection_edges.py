"""The loss of detectors that predict each edge of a box as a distribution over distances."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_boxes import corners
from porter.runtime.losses.detection_classes import ClassLoss, box_overlaps
from porter.runtime.losses.detection_matching import Matched, Outputs
from porter.runtime.losses.loss_functions import cross_entropy

TEMPERATURE = 5


def edge_loss(bins: int, scale: float, up: float) -> ClassLoss:
    """Of the edges of objects, and of how far an earlier layer is from the last one, its teacher; {} without edges.

    Args:
        bins: how many steps the distances have; there is one place more.
        scale: how even the steps are.
        up: how far the outermost one is.
    """

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        if "pred_corners" not in outputs:
            return {}
        overlap = box_overlaps(outputs, pairs)
        left, to_right, to_left = _steps(_distances(pairs, outputs["ref_points"], scale), bins, scale, up)
        edges = tf.reshape(pairs.of(outputs["pred_corners"]), [-1, bins + 1])
        near = cross_entropy(edges, left, reduction="none") * to_left
        far = cross_entropy(edges, left + 1, reduction="none") * to_right
        fine = tf.reduce_sum((near + far) * tf.repeat(overlap, 4)) / count
        return {"loss_fgl": fine, "loss_ddf": _taught(outputs, pairs, overlap, bins)}

    return loss


def _distances(pairs: Matched, points: Any, scale: float) -> Any:
    """How far the true edges are from a reference point `(centre, width, height)`, by its size: `(4 * objects,)`."""
    centre, size = tf.split(tf.stop_gradient(pairs.of(points)), 2, axis=-1)
    true, steps = corners(pairs.boxes), size / abs(scale) + 1e-16
    start = (centre - true[:, :2]) / steps - 0.5 * abs(scale)
    end = (true[:, 2:] - centre) / steps - 0.5 * abs(scale)
    return tf.reshape(tf.concat([start, end], axis=-1), [-1])


def _steps(distances: Any, bins: int, scale: float, up: float) -> tuple[Any, Any, Any]:
    """The step at the left of each distance, and how near it is to the one at the right and to this one."""
    values = _values(bins, scale, tf.constant(up, distances.dtype))
    at = tf.reduce_sum(tf.cast(values[None] <= distances[:, None], tf.int64), axis=1) - 1
    inside = tf.clip_by_value(at, 0, bins - 1)
    left = tf.abs(distances - tf.gather(values, inside))
    share = left / (left + tf.abs(tf.gather(values, inside + 1) - distances))
    share = tf.where(at < 0, tf.zeros_like(share), tf.where(at >= bins, tf.ones_like(share), share))
    return inside, share, 1 - share


def _values(bins: int, scale: float, up: Any) -> Any:
    """The distances of the steps: fine ones in the middle, and one far out at each end."""
    bound = tf.abs(up) * abs(scale)
    step = (bound + 1) ** (2 / (bins - 2))
    right = [step**at - 1 for at in range(1, bins // 2)]
    return tf.stack([-bound * 2, *[-value for value in reversed(right)], tf.zeros_like(up), *right, bound * 2])


def _taught(outputs: Outputs, pairs: Matched, overlap: Any, bins: int) -> Any:
    """How far the edges of all queries are from the teacher's; 0 for the teacher itself."""
    edges = tf.reshape(outputs["pred_corners"], [-1, bins + 1])
    taught = tf.reshape(outputs["teacher_corners"], [-1, bins + 1])
    sure = tf.reduce_max(tf.sigmoid(outputs["teacher_logits"]), axis=-1)
    weight = tf.stop_gradient(tf.repeat(tf.reshape(pairs.spread(overlap, sure), [-1]), 4))
    matched = pairs.spread(tf.ones_like(overlap), tf.zeros_like(sure))
    matched = tf.repeat(tf.reshape(matched, [-1]), 4)
    goal = tf.nn.softmax(tf.stop_gradient(taught) / TEMPERATURE)
    apart = tf.math.xlogy(goal, goal) - goal * tf.nn.log_softmax(edges / TEMPERATURE)
    terms = weight * TEMPERATURE**2 * tf.reduce_sum(apart, axis=-1)
    images = tf.cast(tf.shape(outputs["pred_boxes"])[0], terms.dtype)
    means, parts = zip(*(_mean_and_part(terms, mask, images) for mask in (matched, 1 - matched)), strict=True)
    loss = (means[0] * parts[0] + means[1] * parts[1]) / (parts[0] + parts[1])
    return tf.where(tf.reduce_all(edges == taught), tf.zeros_like(loss), loss)


def _mean_and_part(terms: Any, mask: Any, images: Any) -> tuple[Any, Any]:
    count = tf.reduce_sum(mask)
    return tf.reduce_sum(terms * mask) / tf.maximum(count, 1), tf.sqrt(count / images)
