"""The losses of all layers of a detector: of the last, of those before it, of the encoder, of denoising queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_criteria import Criterion
from porter.runtime.losses.detection_matching import Labels, Outputs, Pairs, union

Loss = tuple[Any, dict[str, Any], list[dict[str, Any]] | None]
"""The sum, the losses by name, and the outputs of the layers before the last."""


def weighted_sum(criterion: Criterion, layers: Mapping[str, Outputs], labels: Labels) -> tuple[Any, dict[str, Any]]:
    """The sum, and each loss of each layer by its name and what is put behind it.

    Args:
        criterion: what counts.
        layers: what is put behind the names of a layer's losses -> its outputs.
        labels: the objects of each image.
    """
    total: Any = 0.0
    losses: dict[str, Any] = {}
    for ending, outputs in layers.items():
        count = criterion.count(labels, outputs["logits"].dtype)
        found = criterion.losses(outputs, labels, criterion.matched(outputs, labels), count)
        total += sum(criterion.weighted(found).values())
        losses |= {name + ending: value for name, value in found.items()}
    return total, losses


def sum_of_weighted(
    criterion: Criterion,
    outputs: Outputs,
    earlier: Sequence[Outputs],
    labels: Labels,
    dense: bool,
    denoised: Sequence[Outputs] = (),
    noise: Mapping[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """The sum of losses that are weighted already, and these by name.

    Args:
        criterion: what counts.
        outputs: of the last layer.
        earlier: of those before it, and of the encoder.
        labels: the objects of each image.
        dense: whether boxes are taught by the pairs of all layers.
        denoised: of the queries that were made of the objects, with noise.
        noise: which of them belong to an object, and in how many groups.
    """
    count = criterion.count(labels, outputs["logits"].dtype)
    layers = {"": outputs, **{f"_aux_{at}": layer for at, layer in enumerate(earlier)}}
    pairs = {ending: criterion.matched(layer, labels) for ending, layer in layers.items()}
    every = union(pairs[""], list(pairs.values())[1:]) if dense else None
    losses: dict[str, Any] = {}
    for ending, layer in layers.items():
        found = criterion.class_losses(layer, labels, pairs[ending], count)
        taught = (pairs[ending], count) if every is None else (every, _number(every, count.dtype))
        found |= criterion.losses_of_boxes(layer, labels, *taught)
        losses |= {name + ending: value for name, value in criterion.weighted(found).items()}
    for at, layer in enumerate(denoised):
        assert noise is not None
        known = _known_pairs(noise, labels)
        found = criterion.losses(layer, labels, known, count * tf.cast(noise["dn_num_group"], count.dtype))
        losses |= {f"{name}_dn_{at}": value for name, value in criterion.weighted(found).items()}
    return sum(losses.values()), losses


def _number(pairs: Pairs, dtype: Any) -> Any:
    return tf.cast(tf.maximum(sum(tf.shape(queries)[0] for queries, _ in pairs), 1), dtype)


def _known_pairs(noise: Mapping[str, Any], labels: Labels) -> Pairs:
    """Which denoising query was made of which object."""
    groups = noise["dn_num_group"]
    objects = [tf.range(tf.shape(label["class_labels"], tf.int64)[0]) for label in labels]
    return [
        (tf.cast(queries, tf.int64), tf.tile(at, [groups]))
        for queries, at in zip(noise["dn_positive_idx"], objects, strict=True)
    ]
