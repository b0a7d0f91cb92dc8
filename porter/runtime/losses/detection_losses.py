"""The loss of models that detect objects: each object is matched with one prediction, the others predict none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.losses.assignment import assignment
from porter.runtime.losses.loss_functions import binary_cross_entropy_with_logits, cross_entropy
from porter.runtime.port_errors import Unsupported

Labels = Sequence[Mapping[str, Any]]
"""For each image its `class_labels`, `(objects,)`, and `boxes`, `(objects, 4)`: centre, width and height, 0 to 1."""

ALPHA, GAMMA = 0.25, 2.0  # of the focal costs by which objects are matched


def ForObjectDetectionLoss(
    logits: Any,
    labels: Labels,
    device: Any,
    pred_boxes: Any,
    config: Any,
    outputs_class: Any = None,
    outputs_coord: Any = None,
    **kwargs: Any,
) -> tuple[Any, dict[str, Any], list[dict[str, Any]] | None]:
    """The weighted sum of the losses, each of them by name, and the outputs of the layers before the last.

    Classes are told apart by softmax, with one more for no object, or, where the configuration names `focal_alpha`,
    each by itself.

    Args:
        logits: `(batch, queries, classes)`.
        labels: the objects of each image.
        device: not used.
        pred_boxes: `(batch, queries, 4)`, as the boxes of the labels.
        config: with the weights of costs and losses.
        outputs_class, outputs_coord: logits and boxes of each layer, where `config.auxiliary_loss` asks for them.
        kwargs: not used.

    Raises:
        Unsupported: the configuration asks for another loss of this kind.
    """
    _check(config)
    count = tf.cast(tf.maximum(sum(tf.shape(label["class_labels"])[0] for label in labels), 1), logits.dtype)
    losses = _losses(logits, pred_boxes, labels, config, count)
    weights = {"loss_ce": 1, "loss_bbox": config.bbox_loss_coefficient, "loss_giou": config.giou_loss_coefficient}
    total = sum(losses[name] * weight for name, weight in weights.items())
    if not config.auxiliary_loss:
        return total, losses, None
    layers = config.decoder_layers - 1
    earlier = [{"logits": outputs_class[at], "pred_boxes": outputs_coord[at]} for at in range(layers)]
    for at, outputs in enumerate(earlier):
        found = _losses(outputs["logits"], outputs["pred_boxes"], labels, config, count)
        losses |= {f"{name}_{at}": value for name, value in found.items()}
        total += sum(found[name] * weight for name, weight in weights.items())
    return total, losses, earlier


def _check(config: Any) -> None:
    needed = ("class_cost", "bbox_cost", "giou_cost", "bbox_loss_coefficient", "giou_loss_coefficient")
    kinds = [name for name in ("eos_coefficient", "focal_alpha") if hasattr(config, name)]
    if len(kinds) != 1 or not all(hasattr(config, name) for name in needed) or hasattr(config, "group_detr"):
        name = type(config).__name__
        raise Unsupported(f"The detection loss of {name} has no TensorFlow counterpart; compute it outside the model.")


def _losses(logits: Any, boxes: Any, labels: Labels, config: Any, count: Any) -> dict[str, Any]:
    """The losses of one layer's outputs; `count` objects divide them."""
    queries = tf.shape(logits)[1]
    targets, predicted, true = [], [], []
    for at, label in enumerate(labels):
        classes = tf.cast(label["class_labels"], tf.int64)
        rows, columns = _matched(logits[at], boxes[at], classes, tf.cast(label["boxes"], boxes.dtype), config)
        none = tf.fill([queries], tf.cast(config.num_labels, tf.int64))
        targets.append(tf.tensor_scatter_nd_update(none, rows[:, None], tf.gather(classes, columns)))
        predicted.append(tf.gather(boxes[at], rows))
        true.append(tf.gather(tf.cast(label["boxes"], boxes.dtype), columns))
    source, target = tf.concat(predicted, axis=0), tf.concat(true, axis=0)
    objects = tf.cast(tf.stack([tf.shape(label["class_labels"])[0] for label in labels]), logits.dtype)
    return {
        "loss_ce": _class_loss(logits, tf.stack(targets), config, count),
        "loss_bbox": tf.reduce_sum(tf.abs(source - target)) / count,
        "loss_giou": tf.reduce_sum(1 - generalized_iou(corners(source), corners(target))) / count,
        "cardinality_error": tf.reduce_mean(tf.abs(_detected(logits, config) - objects)),
    }


def _matched(logits: Any, boxes: Any, classes: Any, true: Any, config: Any) -> tuple[Any, Any]:
    """The queries of one image and the objects that they are matched with."""
    if hasattr(config, "focal_alpha"):
        chances = tf.sigmoid(logits)
        absent = (1 - ALPHA) * chances**GAMMA * -tf.math.log(1 - chances + 1e-8)
        present = ALPHA * (1 - chances) ** GAMMA * -tf.math.log(chances + 1e-8)
        of_class = tf.gather(present - absent, classes, axis=-1)
    else:
        of_class = -tf.gather(tf.nn.softmax(logits), classes, axis=-1)
    apart = tf.reduce_sum(tf.abs(boxes[:, None] - true[None]), axis=-1)
    overlap = generalized_iou(corners(boxes)[:, None], corners(true)[None])
    costs = config.bbox_cost * apart + config.class_cost * of_class - config.giou_cost * overlap
    costs = tf.where(tf.math.is_finite(costs), costs, costs.dtype.max)
    rows, columns = tf.numpy_function(assignment, [tf.stop_gradient(costs)], [tf.int64, tf.int64])
    return tf.ensure_shape(rows, [None]), tf.ensure_shape(columns, [None])


def _class_loss(logits: Any, targets: Any, config: Any, count: Any) -> Any:
    """Softmax with a weight for no object; or each class by itself, hard ones before easy ones."""
    if not hasattr(config, "focal_alpha"):
        weight = tf.concat([tf.ones([config.num_labels]), [config.eos_coefficient]], axis=0)
        flat = tf.reshape(logits, [-1, config.num_labels + 1])
        return cross_entropy(flat, tf.reshape(targets, [-1]), tf.cast(weight, logits.dtype))
    hot = tf.one_hot(targets, tf.shape(logits)[-1], dtype=logits.dtype)  # all zero for no object
    chances = tf.sigmoid(logits)
    right = chances * hot + (1 - chances) * (1 - hot)
    loss = binary_cross_entropy_with_logits(logits, hot, reduction="none") * (1 - right) ** GAMMA
    if config.focal_alpha >= 0:
        loss = loss * (config.focal_alpha * hot + (1 - config.focal_alpha) * (1 - hot))
    return tf.reduce_sum(loss) / count


def _detected(logits: Any, config: Any) -> Any:
    """How many objects each image is predicted to have."""
    if hasattr(config, "focal_alpha"):
        found = tf.reduce_max(tf.sigmoid(logits), axis=-1) > 0.5
    else:
        found = tf.argmax(logits, axis=-1) != tf.cast(tf.shape(logits)[-1] - 1, tf.int64)
    return tf.reduce_sum(tf.cast(found, logits.dtype), axis=-1)


def corners(boxes: Any) -> Any:
    """Centre, width and height as left, top, right and bottom."""
    centre, half = boxes[..., :2], boxes[..., 2:] / 2
    return tf.concat([centre - half, centre + half], axis=-1)


def generalized_iou(one: Any, other: Any) -> Any:
    """How far boxes overlap, from -1 to 1: their common area by that of both, less the share of the gap between them.

    Args:
        one, other: boxes by their corners, whose shapes fit each other.
    """

    def area(box: Any) -> Any:
        sides = tf.maximum(box[..., 2:] - box[..., :2], 0)
        return sides[..., 0] * sides[..., 1]

    def box(start: Any, end: Any) -> Any:
        return tf.concat([start, end], axis=-1)

    common = area(box(tf.maximum(one[..., :2], other[..., :2]), tf.minimum(one[..., 2:], other[..., 2:])))
    around = area(box(tf.minimum(one[..., :2], other[..., :2]), tf.maximum(one[..., 2:], other[..., 2:])))
    both = area(one) + area(other) - common
    return common / both - (around - both) / around
