"""Losses of `torch.nn.functional` on pairs, triplets, margins and counts."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from porter.runtime.losses.loss_functions import reduced


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """The norm of `x1 - x2 + eps` over the last axis; `p` is a number, or infinity for the greatest part."""
    parts = tf.abs(x1 - x2 + eps)
    if p == math.inf:
        return tf.reduce_max(parts, axis=-1, keepdims=keepdim)
    return tf.reduce_sum(parts**p, axis=-1, keepdims=keepdim) ** (1.0 / p)


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """How far the one that `target` (1 or -1) says is not ahead of the other by the margin."""
    return reduced(tf.nn.relu(-tf.cast(target, input1.dtype) * (input1 - input2) + margin), reduction)


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, reduction: str = "mean") -> Any:
    """The distance where `target` is 1, what it lacks of the margin where it is -1."""
    near = tf.where(target == -1, tf.zeros_like(input), input)
    far = tf.where(target == 1, tf.zeros_like(input), tf.nn.relu(margin - input))
    return reduced(near + far, reduction)


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0.0, reduction: str = "mean") -> Any:
    """One minus the cosine where `target` is 1, the cosine beyond the margin where it is -1."""
    tiny = 1e-12  # PyTorch adds it to both squares
    norms = (tf.reduce_sum(x * x, axis=-1) + tiny for x in (input1, input2))
    cosine = tf.reduce_sum(input1 * input2, axis=-1) / tf.sqrt(next(norms) * next(norms))
    zero = tf.zeros_like(cosine)
    return reduced(
        tf.where(target == 1, 1.0 - cosine, zero) + tf.where(target == -1, tf.nn.relu(cosine - margin), zero),
        reduction,
    )


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2.0, **options: Any
) -> Any:
    """How far the positive is not nearer to the anchor than the negative, by the margin.

    Args:
        anchor: `(batch, features)`, as the others.
        positive: what belongs to the anchor.
        negative: what does not.
        margin: the least lead.
        p: of the norm.
        options: `eps` of the distances, 1e-6; `swap`, whether the negative's distance to the positive counts where it
            is smaller; `reduction`.
    """
    eps, reduction = options.get("eps", 1e-6), options.get("reduction", "mean")
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if options.get("swap", False):
        far = tf.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(tf.nn.relu(near - far + margin), reduction)


def soft_margin_loss(input: Any, target: Any, reduction: str = "mean") -> Any:
    """`log(1 + exp(-target * input))` of targets 1 and -1."""
    return reduced(tf.nn.softplus(-tf.cast(target, input.dtype) * input), reduction)


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, reduction: str = "mean") -> Any:
    """The mean over classes of the binary cross entropy of logits `(batch, classes)`."""
    target = tf.cast(target, input.dtype)
    losses = target * tf.nn.softplus(-input) + (1.0 - target) * tf.nn.softplus(input)
    return reduced(tf.reduce_mean(losses if weight is None else losses * weight, axis=-1), reduction)


def multi_margin_loss(
    input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None, reduction: str = "mean"
) -> Any:
    """The mean over the other classes of what the right one of `(batch, classes)` lacks of the margin."""
    right = tf.gather(input, target, axis=-1, batch_dims=input.shape.rank - 1)[..., None]
    lacks = tf.nn.relu(margin - right + input) ** p
    if weight is not None:
        lacks *= tf.gather(weight, target)[..., None]
    lacks *= 1.0 - tf.one_hot(target, tf.shape(input)[-1], dtype=input.dtype)
    return reduced(tf.reduce_mean(lacks, axis=-1), reduction)


def poisson_nll_loss(
    input: Any, target: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of counts; `full` adds Stirling's term for counts above one."""
    target = tf.cast(target, input.dtype)
    loss = tf.exp(input) - target * input if log_input else input - target * tf.math.log(input + eps)
    if full:
        above = tf.where(target > 1, target, tf.ones_like(target))
        stirling = above * tf.math.log(above) - above + 0.5 * tf.math.log(2 * math.pi * above)
        loss += tf.where(target > 1, stirling, tf.zeros_like(target))
    return reduced(loss, reduction)


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """The negative log likelihood of normal distributions with these variances, which are at least `eps`."""
    if not tf.is_tensor(var):
        var = tf.fill(tf.shape(input), tf.cast(var, input.dtype))
    if var.shape.rank < input.shape.rank:
        var = var[..., None]
    # PyTorch lets no gradient through where a variance is cut.
    var = tf.where(var < eps, tf.cast(eps, var.dtype), var)
    loss = 0.5 * (tf.math.log(var) + (input - target) ** 2 / var)
    return reduced(loss + (0.5 * math.log(2 * math.pi) if full else 0.0), reduction)
