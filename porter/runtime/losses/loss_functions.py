"""The loss functions of `torch.nn.functional`: same arguments, same reductions.

`input` comes before `target`, as in PyTorch. `reduction` is `"mean"`, `"sum"` or `"none"`.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from porter.runtime.port_errors import WrongValue


def reduced(loss: Any, reduction: str) -> Any:
    """Apply a reduction.

    Raises:
        WrongValue: it is none of the three.
    """
    match reduction:
        case "mean":
            return tf.reduce_mean(loss)
        case "sum":
            return tf.reduce_sum(loss)
        case "none":
            return loss
    raise WrongValue(f"{reduction!r} is not a reduction; it must be 'mean', 'sum' or 'none'.")


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Cross entropy of logits `(classes,)`, `(batch, classes)` or `(batch, classes, ...)`.

    Args:
        input: the logits.
        target: class indices in the shape of `input` without the classes, or probabilities in the shape of `input`.
        weight: one weight per class.
        ignore_index: this target counts neither in the sum nor in the mean.
        reduction: see above; the mean divides by the sum of the weights, so it is NaN when all targets are ignored.
        label_smoothing: how much of each target is spread over all classes.
    """
    input = _classes_last(tf.convert_to_tensor(input))
    target = tf.convert_to_tensor(target)
    log_probabilities = tf.nn.log_softmax(input, axis=-1)
    if target.dtype.is_floating:
        return _soft_cross_entropy(log_probabilities, _classes_last(target), weight, reduction, label_smoothing)
    if weight is None and label_smoothing == 0:
        valid = target != tf.cast(ignore_index, target.dtype)
        safe = tf.where(valid, target, tf.zeros_like(target))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(safe, input)
        return _over_valid(losses, tf.cast(valid, input.dtype), reduction)
    losses = nll_loss(_classes_second(log_probabilities), target, weight, ignore_index, "none")
    valid, weights = _valid_weights(target, weight, ignore_index, input)
    class_weights = tf.ones_like(input[..., :1]) if weight is None else tf.cast(weight, input.dtype)
    smooth = -tf.reduce_sum(log_probabilities * class_weights, axis=-1) * tf.cast(valid, input.dtype)
    classes = tf.cast(tf.shape(input)[-1], input.dtype)
    mixed = (1.0 - label_smoothing) * losses + smooth * label_smoothing / classes
    return _over_valid(mixed, weights, reduction, weighted=True)


def _classes_last(tensor: Any) -> Any:
    rank = tensor.shape.rank
    return tensor if rank < 3 else tf.transpose(tensor, [0, *range(2, rank), 1])


def _classes_second(tensor: Any) -> Any:
    rank = tensor.shape.rank
    return tensor if rank < 3 else tf.transpose(tensor, [0, rank - 1, *range(1, rank - 1)])


def _soft_cross_entropy(
    log_probabilities: Any, target: Any, weight: Any, reduction: str, label_smoothing: float
) -> Any:
    classes = tf.cast(tf.shape(target)[-1], target.dtype)
    target = target * (1.0 - label_smoothing) + label_smoothing / classes
    if weight is not None:
        target = target * tf.cast(weight, target.dtype)
    losses = -tf.reduce_sum(log_probabilities * target, axis=-1)
    return reduced(losses, reduction)


def nll_loss(input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Negative log likelihood of log probabilities; shapes and arguments as in `cross_entropy`."""
    input = _classes_last(tf.convert_to_tensor(input))
    target = tf.convert_to_tensor(target)
    valid, weights = _valid_weights(target, weight, ignore_index, input)
    safe = tf.where(valid, target, tf.zeros_like(target))
    picked = tf.gather(input, safe, axis=-1, batch_dims=target.shape.rank)
    return _over_valid(-picked * weights, weights, reduction, weighted=True)


def _valid_weights(target: Any, weight: Any, ignore_index: int, like: Any) -> tuple[Any, Any]:
    """Which targets count, and how much each counts."""
    valid = target != tf.cast(ignore_index, target.dtype)
    weights = tf.cast(valid, like.dtype)
    if weight is not None:
        weights = weights * tf.gather(tf.cast(weight, like.dtype), tf.where(valid, target, tf.zeros_like(target)))
    return valid, weights


def _over_valid(losses: Any, weights: Any, reduction: str, *, weighted: bool = False) -> Any:
    losses = losses if weighted else losses * weights
    if reduction == "mean":
        return tf.reduce_sum(losses) / tf.reduce_sum(weights)
    return reduced(losses, reduction)


def _alike(input: Any, target: Any) -> tuple[Any, Any]:
    input = tf.convert_to_tensor(input)
    return input, tf.cast(target, input.dtype)


def mse_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Mean squared error."""
    input, target = _alike(input, target)
    return reduced(tf.math.squared_difference(input, target), reduction)


def l1_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """Mean absolute error."""
    input, target = _alike(input, target)
    return reduced(tf.abs(input - target), reduction)


def smooth_l1_loss(input: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """Squared below `beta` (divided by it), absolute above."""
    if beta == 0:
        return l1_loss(input, target, reduction)
    return huber_loss(input, target, reduction, beta, scale=1.0 / beta)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0, *, scale: float = 1.0) -> Any:
    """Squared below `delta`, absolute times `delta` above; all times `scale`."""
    input, target = _alike(input, target)
    error = tf.abs(input - target)
    losses = tf.where(error < delta, 0.5 * error * error, delta * (error - 0.5 * delta))
    return reduced(losses * scale, reduction)


def binary_cross_entropy_with_logits(
    input: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    """Binary cross entropy of logits; `pos_weight` counts the positive targets more."""
    input, target = _alike(input, target)
    if pos_weight is None:
        losses = tf.nn.sigmoid_cross_entropy_with_logits(target, input)
    else:
        losses = tf.nn.weighted_cross_entropy_with_logits(target, input, tf.cast(pos_weight, input.dtype))
    return reduced(losses if weight is None else losses * tf.cast(weight, input.dtype), reduction)


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """Binary cross entropy of probabilities; logarithms stop at -100, as PyTorch's do."""
    input, target = _alike(input, target)
    losses = -target * tf.maximum(tf.math.log(input), -100.0)
    losses -= (1.0 - target) * tf.maximum(tf.math.log1p(-input), -100.0)
    return reduced(losses if weight is None else losses * tf.cast(weight, input.dtype), reduction)


def kl_div(input: Any, target: Any, reduction: str = "mean", log_target: bool = False) -> Any:
    """Kullback-Leibler divergence of log probabilities `input` from `target`; `"batchmean"` divides by the batch."""
    input, target = _alike(input, target)
    losses = tf.exp(target) * (target - input) if log_target else tf.math.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return tf.reduce_sum(losses) / tf.cast(tf.shape(input)[0], input.dtype)
    return reduced(losses, reduction)


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """Connectionist temporal classification.

    Args:
        log_probs: `(time, batch, classes)` logarithms of probabilities.
        targets: `(batch, length)`, or all targets one after the other.
        input_lengths: `(batch,)` frames that count.
        target_lengths: `(batch,)` targets that count.
        blank: the class of no label.
        reduction: the mean divides each loss by its target's length first.
        zero_infinity: a target too long for its frames counts 0 instead of infinity.
    """
    target_lengths = tf.cast(target_lengths, tf.int64)
    if targets.shape.rank == 1:
        targets = tf.RaggedTensor.from_row_lengths(targets, target_lengths).to_tensor()
    losses = tf.nn.ctc_loss(
        labels=tf.cast(targets, tf.int32),
        logits=log_probs,
        label_length=tf.cast(target_lengths, tf.int32),
        logit_length=tf.cast(input_lengths, tf.int32),
        blank_index=blank,
    )
    # TensorFlow gives a large number where no alignment exists.
    impossible = tf.constant(0.0 if zero_infinity else float("inf"), losses.dtype)
    losses = tf.where(_fits(targets, target_lengths, input_lengths), losses, impossible)
    if reduction == "mean":
        losses = losses / tf.cast(tf.maximum(target_lengths, 1), losses.dtype)
    return reduced(losses, reduction)


def _fits(targets: Any, target_lengths: Any, input_lengths: Any) -> Any:
    """Whether a target has its frames: one for each label, and a blank between equal neighbours."""
    counts = tf.sequence_mask(target_lengths, tf.shape(targets)[1])[:, 1:]
    repeats = (targets[:, 1:] == targets[:, :-1]) & counts
    needed = target_lengths + tf.reduce_sum(tf.cast(repeats, tf.int64), axis=-1)
    return tf.cast(input_lengths, tf.int64) >= needed
