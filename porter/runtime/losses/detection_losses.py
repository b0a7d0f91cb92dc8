"""The loss of models that detect objects: each object is matched with one prediction, the others predict none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_criteria import (
    Criterion,
    edge_criterion,
    focal_criterion,
    grouped_criterion,
    matching_aware_criterion,
    phrase_criterion,
    softmax_criterion,
    varifocal_criterion,
)
from porter.runtime.losses.detection_layers import Loss, sum_of_weighted, weighted_sum
from porter.runtime.losses.detection_matching import Labels
from porter.runtime.port_errors import Unsupported


def ForObjectDetectionLoss(
    logits: Any, labels: Labels, device: Any, pred_boxes: Any, config: Any, *layers: Any, **named_layers: Any
) -> Loss:
    """The weighted sum of the losses, each of them by name, and the outputs of the layers before the last.

    Which of PyTorch's losses it is, the configuration tells: by the fields that this loss reads.

    Args:
        logits: `(batch, queries, classes)`.
        labels: the objects of each image.
        device: not used.
        pred_boxes: `(batch, queries, 4)`, as the boxes of the labels.
        config: with the weights of costs and losses.
        layers, named_layers: what PyTorch's loss takes besides, in its order and by its names: what each layer of the
            decoder gives, where `config.auxiliary_loss` asks for it, what the encoder and denoising queries give, the
            tokens of phrases.

    Raises:
        Unsupported: the configuration asks for another loss of this kind.
    """
    return _loss(config)({"logits": logits, "pred_boxes": pred_boxes}, labels, config, *layers, **named_layers)


def _loss(config: Any) -> Callable[..., Loss]:
    found = next((loss for fields, loss in _KINDS if all(hasattr(config, name) for name in fields)), None)
    if found is None:
        name = type(config).__name__
        raise Unsupported(f"The detection loss of {name} has no TensorFlow counterpart; compute it outside the model.")
    return found


def _of_layers(
    criterion: Callable[[Any], Criterion],
    outputs: Mapping[str, Any],
    labels: Labels,
    config: Any,
    outputs_class: Any = None,
    outputs_coord: Any = None,
    **kwargs: Any,
) -> Loss:
    """Of the last layer, and of those before it."""
    earlier = _earlier(config, outputs_class, outputs_coord)
    return *weighted_sum(criterion(config), _named(outputs, earlier), labels), earlier


def _of_groups(
    outputs: Mapping[str, Any],
    labels: Labels,
    config: Any,
    outputs_class: Any = None,
    outputs_coord: Any = None,
    enc_outputs_class: Any = None,
    enc_outputs_coord: Any = None,
    **kwargs: Any,
) -> Loss:
    """Of these and of the encoder."""
    earlier = _earlier(config, outputs_class, outputs_coord)
    layers = _named(outputs, earlier) | {"_enc": {"logits": enc_outputs_class, "pred_boxes": enc_outputs_coord}}
    return *weighted_sum(grouped_criterion(config), layers, labels), earlier


def _of_phrases(
    outputs: Mapping[str, Any],
    labels: Labels,
    config: Any,
    label_maps: Any,
    text_mask: Any,
    outputs_class: Any = None,
    outputs_coord: Any = None,
    encoder_logits: Any = None,
    encoder_pred_boxes: Any = None,
) -> Loss:
    """Of these, and of an encoder that proposes boxes; classes are phrases of a text."""
    phrases = {"label_maps": label_maps, "text_mask": text_mask}
    earlier = _earlier(config, outputs_class, outputs_coord)
    earlier = earlier and [layer | phrases for layer in earlier]
    layers = _named({**outputs, **phrases}, earlier)
    if config.two_stage:
        layers["_enc"] = {"logits": encoder_logits, "pred_boxes": encoder_pred_boxes, **phrases}
    return *weighted_sum(phrase_criterion(config), layers, labels), earlier


def _earlier(config: Any, classes: Any, boxes: Any) -> list[dict[str, Any]] | None:
    if not config.auxiliary_loss:
        return None
    return [{"logits": classes[at], "pred_boxes": boxes[at]} for at in range(config.decoder_layers - 1)]


def _named(outputs: Mapping[str, Any], earlier: list[dict[str, Any]] | None) -> dict[str, Mapping[str, Any]]:
    return {"": outputs, **{f"_{at}": layer for at, layer in enumerate(earlier or [])}}


def _of_denoised(
    criterion: Callable[[Any], Criterion],
    outputs: Mapping[str, Any],
    labels: Labels,
    config: Any,
    outputs_class: Any = None,
    outputs_coord: Any = None,
    enc_topk_logits: Any = None,
    enc_topk_bboxes: Any = None,
    denoising_meta_values: Any = None,
    predicted_corners: Any = None,
    initial_reference_points: Any = None,
    **kwargs: Any,
) -> Loss:
    """Of the last layer, of those before it, of the encoder, and of queries made of the objects with noise."""
    edges = hasattr(config, "max_num_bins")
    sizes = None if denoising_meta_values is None else denoising_meta_values["dn_num_split"]
    outputs = {name: _parts(value, sizes, 1)[1] for name, value in outputs.items()}
    earlier, denoised = [], []
    if config.auxiliary_loss:
        layers = {"logits": outputs_class, "pred_boxes": outputs_coord}
        if edges:
            layers |= {"pred_corners": predicted_corners, "ref_points": initial_reference_points}
        parts = {name: _parts(value, sizes, 2) for name, value in layers.items()}
        denoised = [] if sizes is None else _layers({name: noisy for name, (noisy, _) in parts.items()}, edges)
        earlier = _layers({name: own for name, (_, own) in parts.items()}, edges)[:-1]
        earlier.append({"logits": enc_topk_logits, "pred_boxes": enc_topk_bboxes})
    if edges:
        outputs, *rest = (_within(layer) for layer in (outputs, *earlier, *denoised))
        earlier, denoised = rest[: len(earlier)], rest[len(earlier) :]
    dense = getattr(config, "use_dense_one_to_one", False)
    total, losses = sum_of_weighted(
        criterion(config), outputs, earlier, labels, dense, denoised, denoising_meta_values
    )
    return total, losses, earlier if config.auxiliary_loss else None


def _parts(value: Any, sizes: Any, axis: int) -> tuple[Any, Any]:
    """What denoising queries give, and what the others do."""
    if sizes is None:
        return None, value
    noisy, own = tf.split(value, sizes, axis=axis)
    return noisy, own


def _layers(values: Mapping[str, Any], edges: bool) -> list[dict[str, Any]]:
    """The outputs of each layer, of outputs `(batch, layers, ...)`; with the last one's edges, where they teach."""
    layers = [
        dict(zip(values, layer, strict=True))
        for layer in zip(*(tf.unstack(value, axis=1) for value in values.values()), strict=True)
    ]
    if not edges:
        return layers
    last = {"teacher_corners": layers[-1]["pred_corners"], "teacher_logits": layers[-1]["logits"]}
    return [layer | last for layer in layers]


def _within(layer: Mapping[str, Any]) -> dict[str, Any]:
    return {**layer, "pred_boxes": tf.clip_by_value(layer["pred_boxes"], 0, 1)}


_COSTS = ("class_cost", "bbox_cost", "giou_cost", "bbox_loss_coefficient", "giou_loss_coefficient")
_KINDS: tuple[tuple[tuple[str, ...], Callable[..., Loss]], ...] = (
    (("max_num_bins", "weight_loss_mal"), partial(_of_denoised, matching_aware_criterion)),
    (("max_num_bins", "weight_loss_vfl"), partial(_of_denoised, edge_criterion)),
    (("matcher_class_cost", "weight_loss_vfl"), partial(_of_denoised, varifocal_criterion)),
    ((*_COSTS, "focal_alpha", "group_detr"), _of_groups),
    ((*_COSTS, "focal_alpha", "text_config"), _of_phrases),
    ((*_COSTS, "focal_alpha"), partial(_of_layers, focal_criterion)),
    ((*_COSTS, "eos_coefficient"), partial(_of_layers, softmax_criterion)),
)
"""The fields that a loss reads -> the loss; the first that fits is meant."""
