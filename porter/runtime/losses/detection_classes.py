"""How a detector's classes are judged: what it costs to take a prediction for an object, and the losses of classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_boxes import corners, overlaps
from porter.runtime.losses.detection_matching import Matched, Outputs
from porter.runtime.losses.loss_functions import binary_cross_entropy_with_logits, cross_entropy

ClassLoss = Callable[[Outputs, Matched, Any], dict[str, Any]]
"""A layer's outputs, its pairs and by how many objects losses are divided: the losses by name."""

ALPHA, GAMMA = 0.25, 2.0  # of the focal costs by which objects are matched, where the configuration has no others


def softmax_costs(logits: Any, classes: Any) -> Any:
    """The less probable a class, the more it costs."""
    return -tf.gather(tf.nn.softmax(logits), classes, axis=-1)


def focal_costs(alpha: float = ALPHA, gamma: float = GAMMA) -> Callable[[Any, Any], Any]:
    """Costs of classes that are told apart each by itself."""
    return lambda logits, classes: tf.gather(_focal(logits, alpha, gamma), classes, axis=-1)


def phrase_costs(logits: Any, tokens: Any) -> Any:
    """Costs of classes that are phrases, `tokens` `(objects, positions)`: the mean of those of their tokens."""
    tokens = tf.cast(tokens, logits.dtype)
    return tf.matmul(_focal(logits, ALPHA, GAMMA), tokens / tf.reduce_sum(tokens, -1, keepdims=True), transpose_b=True)


def _focal(logits: Any, alpha: float, gamma: float) -> Any:
    chances = tf.sigmoid(logits)
    absent = (1 - alpha) * chances**gamma * -tf.math.log(1 - chances + 1e-8)
    present = alpha * (1 - chances) ** gamma * -tf.math.log(chances + 1e-8)
    return present - absent


def softmax_loss(weight_of_none: float, classes: int) -> ClassLoss:
    """One class more stands for no object, and has a weight of its own."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        logits = outputs["logits"]
        targets = pairs.spread(pairs.classes, tf.fill(tf.shape(logits)[:2], tf.constant(classes, tf.int64)))
        weight = tf.constant([1.0] * classes + [weight_of_none], logits.dtype)
        flat = tf.reshape(logits, [-1, classes + 1])
        return {"loss_ce": cross_entropy(flat, tf.reshape(targets, [-1]), weight)}

    return loss


def focal_loss(alpha: float) -> ClassLoss:
    """Each class by itself, hard ones before easy ones."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        return {"loss_ce": tf.reduce_sum(_focal_terms(outputs["logits"], pairs.hot(outputs["logits"]), alpha)) / count}

    return loss


def phrase_loss(alpha: float) -> ClassLoss:
    """Each token of an object's phrase by itself, where the text has one."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        maps, there = outputs["label_maps"], tf.cast(outputs["text_mask"], tf.bool)
        logits = tf.where(there, outputs["logits"], 0)  # where the text has no token, they may be infinite
        images = tf.cast(pairs.places[:, 0], tf.int64)
        lengths = tf.stack([tf.shape(tokens, tf.int64)[0] for tokens in maps])
        # As in PyTorch, an image's phrases are looked for after as many as it has itself, whatever others have.
        rows = pairs.classes + tf.where(images > 0, tf.gather(lengths, images), 0)
        phrases = tf.cast(tf.gather(tf.concat(list(maps), axis=0), rows), logits.dtype)
        hot = pairs.spread(phrases, tf.zeros_like(logits))
        terms = _focal_terms(logits, hot, alpha)
        return {"loss_ce": tf.reduce_sum(tf.where(there, terms, 0)) / count}

    return loss


def _focal_terms(logits: Any, hot: Any, alpha: float) -> Any:
    chances = tf.sigmoid(logits)
    right = chances * hot + (1 - chances) * (1 - hot)
    terms = binary_cross_entropy_with_logits(logits, hot, reduction="none") * (1 - right) ** GAMMA
    return terms * (alpha * hot + (1 - alpha) * (1 - hot)) if alpha >= 0 else terms


def varifocal_loss(alpha: float, gamma: float) -> ClassLoss:
    """An object's class shall be as sure as its box overlaps the true one."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        hot, sure = _hot_and_sure(outputs, pairs)
        weight = alpha * _chances(outputs) ** gamma * (1 - hot) + sure
        return {"loss_vfl": _weighted(outputs["logits"], sure, weight, count)}

    return loss


def matching_aware_loss(alpha: float | None, gamma: float) -> ClassLoss:
    """As the varifocal loss, with as much weight for objects whose boxes hardly overlap the true ones."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        hot, sure = _hot_and_sure(outputs, pairs)
        weight = (1 if alpha is None else alpha) * _chances(outputs) ** gamma * (1 - hot) + hot
        return {"loss_mal": _weighted(outputs["logits"], sure**gamma, weight, count)}

    return loss


def quality_loss(alpha: float) -> ClassLoss:
    """An object's class shall be as sure as it is already and as its box is right, both together."""

    def loss(outputs: Outputs, pairs: Matched, count: Any) -> dict[str, Any]:
        logits = outputs["logits"]
        chances, hot = tf.sigmoid(logits), pairs.hot(logits)
        quality = tf.reduce_sum(pairs.of(chances * hot), axis=-1) ** alpha * box_overlaps(outputs, pairs) ** (
            1 - alpha
        )
        quality = tf.stop_gradient(tf.maximum(quality, 0.01))
        sure = hot * pairs.spread(quality, tf.zeros(tf.shape(logits)[:2], logits.dtype))[..., None]
        unsure = tf.where(hot > 0, 1 - sure, chances**GAMMA)
        return {"loss_ce": tf.reduce_sum(-sure * tf.math.log(chances) - unsure * tf.math.log(1 - chances)) / count}

    return loss


def box_overlaps(outputs: Outputs, pairs: Matched) -> Any:
    """How far the predicted box of each object overlaps the true one; no gradient passes here."""
    found = tf.stop_gradient(pairs.of(outputs["pred_boxes"]))
    return tf.cast(overlaps(corners(found), corners(pairs.boxes)), outputs["logits"].dtype)


def _hot_and_sure(outputs: Outputs, pairs: Matched) -> tuple[Any, Any]:
    hot = pairs.hot(outputs["logits"])
    none = tf.zeros(tf.shape(outputs["logits"])[:2], outputs["logits"].dtype)
    return hot, hot * pairs.spread(box_overlaps(outputs, pairs), none)[..., None]


def _chances(outputs: Outputs) -> Any:
    return tf.sigmoid(tf.stop_gradient(outputs["logits"]))


def _weighted(logits: Any, targets: Any, weight: Any, count: Any) -> Any:
    return tf.reduce_sum(binary_cross_entropy_with_logits(logits, targets, weight, reduction="none")) / count
