"""What a configuration says of a detector's loss: by which costs objects are matched, which losses count, how much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_boxes import corners, generalized_overlaps
from porter.runtime.losses.detection_classes import (
    ClassLoss,
    focal_costs,
    focal_loss,
    matching_aware_loss,
    phrase_costs,
    phrase_loss,
    quality_loss,
    softmax_costs,
    softmax_loss,
    varifocal_loss,
)
from porter.runtime.losses.detection_edges import edge_loss
from porter.runtime.losses.detection_matching import Costs, Labels, Matched, Outputs, Pairs, match, matched


@dataclass(frozen=True)
class Criterion:
    """The losses of one layer's outputs."""

    costs: Costs
    class_loss: ClassLoss
    box_losses: tuple[ClassLoss, ...]
    weights: Mapping[str, float]
    """How much each loss counts; one that is not named is told, and does not count."""

    def matched(self, outputs: Outputs, labels: Labels) -> Pairs:
        """Which query of each image has which object."""
        return match(outputs, labels, self.costs)

    def count(self, labels: Labels, dtype: Any) -> Any:
        """By how many objects losses are divided."""
        objects = sum(tf.shape(label["class_labels"])[0] for label in labels) * self.costs.groups
        return tf.cast(tf.maximum(objects, 1), dtype)

    def class_losses(self, outputs: Outputs, labels: Labels, pairs: Pairs, count: Any) -> dict[str, Any]:
        """Those of the classes, by name."""
        return self.class_loss(outputs, matched(outputs, labels, pairs), count)

    def losses_of_boxes(self, outputs: Outputs, labels: Labels, pairs: Pairs, count: Any) -> dict[str, Any]:
        """Those of the boxes, by name."""
        taken = matched(outputs, labels, pairs)
        found: dict[str, Any] = {}
        for loss in self.box_losses:
            found |= loss(outputs, taken, count)
        return found

    def losses(self, outputs: Outputs, labels: Labels, pairs: Pairs, count: Any) -> dict[str, Any]:
        """All of them, by name."""
        of_classes = self.class_losses(outputs, labels, pairs, count)
        return of_classes | self.losses_of_boxes(outputs, labels, pairs, count)

    def weighted(self, losses: Mapping[str, Any]) -> dict[str, Any]:
        """Those that count, as much as they count."""
        return {name: loss * self.weights[name] for name, loss in losses.items() if name in self.weights}


def softmax_criterion(config: Any) -> Criterion:
    """Classes are told apart by softmax, with one more for no object."""
    loss = softmax_loss(config.eos_coefficient, config.num_labels)
    costs = _costs(config, softmax_costs)
    return Criterion(costs, loss, (_box_loss, _count_error_of_softmax), _weights(config, 1))


def focal_criterion(config: Any) -> Criterion:
    """Each class is told by itself."""
    costs = _costs(config, focal_costs())
    return Criterion(costs, focal_loss(config.focal_alpha), (_box_loss, _count_error), _weights(config, 1))


def phrase_criterion(config: Any) -> Criterion:
    """Classes are phrases, each of whose tokens is told by itself."""
    costs = _costs(config, phrase_costs)
    return Criterion(costs, phrase_loss(config.focal_alpha), (_box_loss, _count_error), _weights(config, 2.0))


def grouped_criterion(config: Any) -> Criterion:
    """Each group of queries predicts every object."""
    costs = _costs(config, focal_costs(), config.group_detr)
    weights = _weights(config, config.class_loss_coefficient)
    return Criterion(costs, quality_loss(config.focal_alpha), (_box_loss, _count_error), weights)


def varifocal_criterion(config: Any) -> Criterion:
    """Classes are as sure as boxes are right."""
    loss = varifocal_loss(config.focal_loss_alpha, config.focal_loss_gamma)
    return Criterion(_matcher_costs(config), loss, (_box_loss,), _named_weights(config, "vfl"))


def edge_criterion(config: Any) -> Criterion:
    """As well, and edges of boxes are distributions over distances."""
    loss = varifocal_loss(config.focal_loss_alpha, config.focal_loss_gamma)
    losses = (_box_loss, edge_loss(config.max_num_bins, config.reg_scale, config.up))
    return Criterion(_matcher_costs(config), loss, losses, _named_weights(config, "vfl", "fgl", "ddf"))


def matching_aware_criterion(config: Any) -> Criterion:
    """As well, with a loss of classes of its own."""
    loss = matching_aware_loss(config.mal_alpha, config.focal_loss_gamma)
    losses = (_box_loss, edge_loss(config.max_num_bins, config.reg_scale, config.up))
    return Criterion(_matcher_costs(config), loss, losses, _named_weights(config, "mal", "fgl", "ddf"))


def _costs(config: Any, class_costs: Any, groups: int = 1) -> Costs:
    return Costs(config.class_cost, config.bbox_cost, config.giou_cost, class_costs, groups)


def _matcher_costs(config: Any) -> Costs:
    focal = focal_costs(config.matcher_alpha, config.matcher_gamma)
    class_costs = focal if config.use_focal_loss else softmax_costs
    return Costs(config.matcher_class_cost, config.matcher_bbox_cost, config.matcher_giou_cost, class_costs)


def _weights(config: Any, of_classes: float) -> dict[str, float]:
    boxes = {"loss_bbox": config.bbox_loss_coefficient, "loss_giou": config.giou_loss_coefficient}
    return {"loss_ce": of_classes, **boxes}


def _named_weights(config: Any, *more: str) -> dict[str, float]:
    return {f"loss_{name}": getattr(config, f"weight_loss_{name}") for name in ("bbox", "giou", *more)}


def _box_loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
    found = pairs.of(outputs["pred_boxes"])
    overlap = generalized_overlaps(corners(found), corners(pairs.boxes))
    distance = tf.reduce_sum(tf.abs(found - pairs.boxes)) / count
    return {"loss_bbox": distance, "loss_giou": tf.reduce_sum(1 - overlap) / count}


def _count_error_of_softmax(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
    last = tf.cast(tf.shape(outputs["logits"])[-1] - 1, tf.int64)
    return _count_error_of(tf.argmax(outputs["logits"], axis=-1) != last, pairs, outputs["logits"].dtype)


def _count_error(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
    found = tf.reduce_max(tf.sigmoid(outputs["logits"]), axis=-1) > 0.5
    return _count_error_of(found, pairs, outputs["logits"].dtype)


def _count_error_of(found: Any, pairs: Matched, dtype: Any) -> dict[str, Any]:
    """How far the number of objects that are found is from what each image has."""
    apart = tf.abs(tf.reduce_sum(tf.cast(found, dtype), axis=-1) - tf.cast(pairs.sizes, dtype))
    return {"cardinality_error": tf.reduce_mean(apart)}
