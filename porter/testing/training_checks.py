"""Whether a port trains as PyTorch's model does: each gradient, and steps of `fit` with all that is random in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from diffcheck.record.torch_side import in_float64, widen
from porter.runtime.model.names import named_variables
from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.variation import torch_inputs
from porter.testing.labels import labelled_inputs
from porter.testing.model_pair import TOLERANCE, ModelPair, Verdict, floats

GRADIENT_TOLERANCE = 1e-4
"""How far a gradient may be from PyTorch's, as a share of its greatest number."""
_SMALL = 1e-3  # gradients below this share of the greatest of all are compared with that share
_ROUNDINGS = 8  # and what PyTorch's own float32 differs from its float64, so many times

Gradients = Mapping[str, np.ndarray[Any, Any]]


def gradients_match(pair: ModelPair) -> Verdict:
    """Whether the gradient of each parameter is PyTorch's: of the model's loss, else of its outputs' mean squares."""
    if not pair.case.comparable:
        return Verdict(lacks="its outputs are random")
    labelled = labelled_inputs(pair.pytorch, pair.inputs[0])
    inputs = pair.inputs[0] if labelled is None else labelled[0]
    expected = _torch_gradients(pair.pytorch, inputs)
    if not expected:
        return Verdict(lacks="nothing that it puts out depends on a parameter")
    found = _port_gradients(pair, inputs)
    problems = _beyond(expected, found, {})
    if problems and isinstance(found, Mapping):
        with in_float64(pair.pytorch):
            exact = _torch_gradients(pair.pytorch, widen(inputs))
        pair.pytorch.zero_grad()
        noise = {name: float(np.abs(exact[name] - value).max()) for name, value in expected.items() if name in exact}
        problems = _beyond(expected, found, noise)
    return Verdict(problem="; ".join(problems[:3]))


def _torch_gradients(model: Any, inputs: Inputs) -> Gradients:
    """By every name that a parameter has; parameters without a gradient are left out."""
    model.zero_grad()
    outputs = model(**torch_inputs(model, inputs))
    loss = getattr(outputs, "loss", None)
    if loss is None:
        loss = sum((value**2).mean() for value in floats(outputs) if value.requires_grad)
    if not hasattr(loss, "backward") or not loss.requires_grad:
        return {}
    loss.sum().backward()
    named = model.named_parameters(remove_duplicate=False)
    return {name: each.grad.numpy().astype(np.float64) for name, each in named if each.grad is not None}


def _port_gradients(pair: ModelPair, inputs: Inputs) -> Gradients:
    """In PyTorch's axes; weights that nothing depends on have zeros."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        outputs = pair.tensorflow(pair.accepted(inputs))
        loss = getattr(outputs, "loss", None)
        squares = [tf.reduce_mean(value**2) for value in floats(outputs)] if loss is None else [tf.reduce_sum(loss)]
        total = tf.add_n(squares)
    trained = {name: entry for name, entry in named_variables(pair.tensorflow).items() if entry.variable.trainable}
    found = tape.gradient(
        total, [entry.variable.value for entry in trained.values()], unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    dense = (tf.convert_to_tensor(each).numpy() for each in found)
    return {name: entry.layout.to_torch(array) for (name, entry), array in zip(trained.items(), dense, strict=True)}


def _beyond(expected: Gradients, found: Gradients, noise: Mapping[str, float]) -> list[str]:
    """A sentence for each parameter whose gradient is not PyTorch's."""
    overall = max(float(np.abs(gradient).max(initial=0.0)) for gradient in expected.values())
    problems = []
    for name, gradient in found.items():
        reference = expected.get(name, np.zeros_like(gradient))
        scale = max(float(np.abs(reference).max(initial=0.0)), _SMALL * overall)
        bound = max(GRADIENT_TOLERANCE * scale, _ROUNDINGS * noise.get(name, 0.0))
        difference = float(np.abs(gradient - reference).max(initial=0.0))
        if not difference <= bound:
            problems.append(f"the gradient of {name} differs by {difference:.1e}, allowed are {bound:.1e}")
    return problems


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
