"""The losses of transformers' heads, chosen by the name of the model class (`transformers.loss.loss_utils`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import tensorflow as tf

from porter.runtime.losses.detection_losses import ForObjectDetectionLoss
from porter.runtime.losses.loss_functions import binary_cross_entropy_with_logits, cross_entropy, ctc_loss, mse_loss
from porter.runtime.port_errors import Unsupported, WrongValue


def fixed_cross_entropy(
    source: Any, target: Any, num_items_in_batch: Any = None, ignore_index: int = -100, **kwargs: Any
) -> Any:
    """Cross entropy; with `num_items_in_batch` the sum divided by that number instead of the mean."""
    if num_items_in_batch is None:
        return cross_entropy(source, target, ignore_index=ignore_index)
    total = cross_entropy(source, target, ignore_index=ignore_index, reduction="sum")
    return total / tf.cast(num_items_in_batch, total.dtype)


def _full_precision(logits: Any) -> Any:
    return tf.cast(logits, tf.float32) if logits.dtype in (tf.float16, tf.bfloat16) else logits


def ForCausalLMLoss(
    logits: Any,
    labels: Any,
    vocab_size: int,
    num_items_in_batch: Any = None,
    ignore_index: int = -100,
    shift_labels: Any = None,
    **kwargs: Any,
) -> Any:
    """Each position predicts the next label: logits `(..., length, vocab)`, labels `(..., length)`."""
    if shift_labels is None:
        padding = [[0, 0]] * (labels.shape.rank - 1) + [[0, 1]]
        shift_labels = tf.pad(labels, padding, constant_values=ignore_index)[..., 1:]
    logits = tf.reshape(_full_precision(logits), (-1, vocab_size))
    return fixed_cross_entropy(logits, tf.reshape(shift_labels, (-1,)), num_items_in_batch, ignore_index)


def ForMaskedLMLoss(
    logits: Any, labels: Any, vocab_size: int, num_items_in_batch: Any = None, ignore_index: int = -100, **kwargs: Any
) -> Any:
    """Each position predicts its own label."""
    logits = tf.reshape(_full_precision(logits), (-1, vocab_size))
    return fixed_cross_entropy(logits, tf.reshape(labels, (-1,)), num_items_in_batch, ignore_index)


def ForSequenceClassificationLoss(labels: Any, pooled_logits: Any, config: Any, **kwargs: Any) -> Any:
    """Regression, one class of several, or several classes, as `config.problem_type` or the labels say.

    Raises:
        WrongValue: the problem type is none of the three.
    """
    kind = config.problem_type
    if kind is None:
        single = config.num_labels > 1 and labels.dtype.is_integer
        several = "single_label_classification" if single else "multi_label_classification"
        kind = "regression" if config.num_labels == 1 else several
    match kind:
        case "regression" if config.num_labels == 1:
            return mse_loss(tf.reshape(pooled_logits, (-1,)), tf.reshape(labels, (-1,)))
        case "regression":
            return mse_loss(pooled_logits, labels)
        case "single_label_classification":
            logits = tf.reshape(pooled_logits, (-1, config.num_labels))
            return fixed_cross_entropy(logits, tf.reshape(labels, (-1,)), **kwargs)
        case "multi_label_classification":
            return binary_cross_entropy_with_logits(pooled_logits, labels)
    raise WrongValue(f"{kind!r} is not a problem type.")


def ForQuestionAnsweringLoss(
    start_logits: Any, end_logits: Any, start_positions: Any, end_positions: Any, **kwargs: Any
) -> Any:
    """Mean of both cross entropies; positions beyond the text are ignored. None without positions."""
    if start_positions is None or end_positions is None:
        return None
    length = tf.shape(start_logits, out_type=tf.int64)[1]
    losses = [
        _position_loss(start_logits, start_positions, length, **kwargs),
        _position_loss(end_logits, end_positions, length, **kwargs),
    ]
    return (losses[0] + losses[1]) / 2


def _position_loss(logits: Any, positions: Any, length: Any, **kwargs: Any) -> Any:
    positions = tf.cast(tf.reshape(positions, (-1,)), tf.int64)
    return fixed_cross_entropy(logits, tf.clip_by_value(positions, 0, length), ignore_index=length, **kwargs)


def ForTokenClassification(logits: Any, labels: Any, config: Any, **kwargs: Any) -> Any:
    """Each position predicts its own class."""
    logits = tf.reshape(_full_precision(logits), (-1, config.num_labels))
    return fixed_cross_entropy(logits, tf.reshape(labels, (-1,)), **kwargs)


def ForSemanticSegmentationLoss(
    logits: Any,
    labels: Any,
    ignore_index: int = 255,
    num_items_in_batch: Any = None,
    auxiliary_logits: Any = None,
    auxiliary_loss_weight: float = 0.4,
    **kwargs: Any,
) -> Any:
    """Each pixel of `labels` `(batch, height, width)` is predicted by enlarged logits `(batch, classes, h, w)`."""

    def pixel_loss(scores: Any) -> Any:
        scores = tf.image.resize(tf.transpose(scores, [0, 2, 3, 1]), tf.shape(labels)[-2:], method="bilinear")
        return fixed_cross_entropy(tf.transpose(scores, [0, 3, 1, 2]), labels, num_items_in_batch, ignore_index)

    loss = pixel_loss(logits)
    return loss if auxiliary_logits is None else loss + auxiliary_loss_weight * pixel_loss(auxiliary_logits)


def ForCTCLoss(
    logits: Any,
    labels: Any,
    logit_lengths: Any,
    blank_token_id: int,
    reduction: str = "mean",
    zero_infinity: bool = False,
    ignore_index: int = -100,
    **kwargs: Any,
) -> Any:
    """CTC of logits `(batch, time, vocab)`; labels are padded with `ignore_index` or the blank."""
    mask = (labels != ignore_index) & (labels != blank_token_id)
    lengths = tf.reduce_sum(tf.cast(mask, tf.int64), axis=-1)
    log_probs = tf.transpose(tf.nn.log_softmax(_full_precision(logits), axis=-1), [1, 0, 2])
    targets = tf.boolean_mask(labels, mask)
    return ctc_loss(log_probs, targets, logit_lengths, lengths, blank_token_id, reduction, zero_infinity)


LOSS_MAPPING: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "ForSemanticSegmentation": ForSemanticSegmentationLoss,
        "ForCausalLM": ForCausalLMLoss,
        "ForMaskedLM": ForMaskedLMLoss,
        "ForQuestionAnswering": ForQuestionAnsweringLoss,
        "ForSequenceClassification": ForSequenceClassificationLoss,
        "ForImageClassification": ForSequenceClassificationLoss,
        "ForVideoClassification": ForSequenceClassificationLoss,
        "ForAudioClassification": ForSequenceClassificationLoss,
        "ForTokenClassification": ForTokenClassification,
        "ForObjectDetection": ForObjectDetectionLoss,
        "ForCTC": ForCTCLoss,
        "ForConditionalGeneration": ForCausalLMLoss,
    }
)
"""The end of a class name -> its loss."""

# These need the masks of matched objects, or lattices over speech.
_WITHOUT_COUNTERPART = ("ForSegmentation", "ForInstanceSegmentation", "ForRNNT", "ForTDT")


def loss_type(class_name: str) -> str | None:
    """The kind of loss that a class name asks for; None where it names none, and the causal loss is meant."""
    kinds = "|".join((*LOSS_MAPPING, *_WITHOUT_COUNTERPART))
    found = re.search(kinds, class_name)
    return found.group() if found else None


def loss_function(kind: str | None) -> Callable[..., Any]:
    """The loss of a kind; the causal one for None, as in transformers.

    Raises:
        Unsupported: PyTorch's loss of this kind has no counterpart here.
    """
    kind = kind or "ForCausalLM"
    if kind not in LOSS_MAPPING:
        raise Unsupported(f"The loss of {kind} has no TensorFlow counterpart; compute it outside the model.")
    return LOSS_MAPPING[kind]
