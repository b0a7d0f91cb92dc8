"""Whether a port trains as PyTorch's model does: each gradient, and steps of `fit` with all that is random in them."""

from __future__ import annotations

import numpy as np

from porter.runtime.model.names import named_variables
from porter.testing.gradients import compare_gradients
from porter.testing.labels import labelled_inputs
from porter.testing.model_pair import TOLERANCE, ModelPair
from porter.testing.verdict import Verdict


def gradients_match(pair: ModelPair) -> Verdict:
    """Whether each parameter's gradient is PyTorch's: of the loss of labels where there is one, else of outputs."""
    if not pair.case.comparable:
        return Verdict(lacks="its outputs are random")
    labelled = labelled_inputs(pair.pytorch, pair.inputs[0])
    inputs = pair.inputs[0] if labelled is None else labelled[0]
    return compare_gradients(pair.pytorch, pair.tensorflow, pair.accepted(inputs))


def trains(pair: ModelPair, steps: int = 2) -> Verdict:
    """Whether the loss of labels is PyTorch's, and steps of `fit` give finite losses and weights.

    The steps run in the graph that `fit` makes, with `training=True` and the configuration's own dropout, stochastic
    depth and masks.
    """
    import keras
    import tensorflow as tf

    labelled = labelled_inputs(pair.pytorch, pair.inputs[0])
    if labelled is None:
        return Verdict(lacks="PyTorch's class computes no loss of these inputs")
    inputs, expected = labelled
    loss = float(tf.reshape(pair.tensorflow(pair.accepted(inputs)).loss, ()))
    if pair.case.comparable and not abs(loss - expected) <= TOLERANCE * max(1.0, abs(expected)):
        return Verdict(problem=f"the loss is {loss:.7g}, PyTorch's {expected:.7g}")
    trained = type(pair.tensorflow).from_config(pair.tensorflow.config)
    trained.set_weights(pair.tensorflow.get_weights())
    trained.compile(keras.optimizers.SGD(1e-3))
    losses = [float(trained.train_on_batch(pair.accepted(inputs))) for _ in range(steps)]
    odd = [name for name, entry in named_variables(trained).items() if not np.isfinite(entry.variable.numpy()).all()]
    if not np.isfinite(losses).all() or odd:
        return Verdict(problem=f"the losses of {steps} steps are {losses}, and {len(odd)} weights are not finite")
    moved = zip(trained.trainable_variables, pair.tensorflow.trainable_variables, strict=True)
    if not any(np.any(after.numpy() != before.numpy()) for after, before in moved):
        return Verdict(problem="no weight was changed by a step")
    return Verdict()
