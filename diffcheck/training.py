"""Gradients of every parameter, and one forward pass in training mode with dropout forced off."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from diffcheck import tf_side, torch_side
from diffcheck.compare import Comparison, compare_flat, noise_between
from diffcheck.metrics import TOLERANCE
from diffcheck.values import Flattened, TensorValue, children, flatten, is_tensor

Array = np.ndarray[Any, Any]
_DROPOUT = ("dropout", "drop_path", "layerdrop", "drop_rate", "drop_prob")


@dataclass(frozen=True)
class Backward:
    """The backward pass compared: the loss, each parameter's gradient, BatchNorm's statistics after the step.

    ``training`` says whether both ran in training mode; ``unexercised`` parameters got no gradient in PyTorch.
    """

    loss: Comparison
    gradients: Comparison
    statistics: Comparison
    training: bool
    unexercised: tuple[str, ...]

    @property
    def matches(self) -> bool:
        """Everything within its bound; a model without BatchNorm has no statistics to compare."""
        return self.loss.matches and self.gradients.matches and not self.statistics.failures

    def sentences(self) -> list[str]:
        """The result in words."""
        mode = "in training mode, dropout off" if self.training else "in evaluation mode"
        lines = [f"loss and {len(self.gradients.tensors)} gradients, {mode}:"]
        if self.matches:
            lines.append(f"  {self.gradients.sentence()}")
        for part in (self.loss, self.gradients, self.statistics):
            lines += [f"  {result.sentence()}" for result in part.failures[:10]]
        if self.unexercised:
            lines.append(f"  {len(self.unexercised)} parameters are not exercised: {', '.join(self.unexercised[:8])}")
        return lines


def compare_backward(
    torch_model: Any,
    tf_model: Any,
    inputs: Mapping[str, object],
    pairs: Mapping[str, str],
    tolerance: float = TOLERANCE,
    training: bool = False,
) -> Backward:
    """Compare gradients of one scalar: the model's ``loss`` where it has one, else its outputs times fixed numbers.

    ``pairs`` maps PyTorch's parameter names to TensorFlow's. In training mode every dropout rate of both models is
    zero meanwhile, and statistics that the step changes are put back.
    """
    with ExitStack() as stack:
        stack.enter_context(_restored(torch_model, tf_model))
        if training:
            stack.enter_context(without_dropout([*torch_model.modules(), *tf_side.layers(tf_model).values()]))
        axes = {name: _axes(torch_model, tf_model, name, other) for name, other in pairs.items()}
        loss, mine = _torch_gradients(torch_model, inputs, training)
        with torch_side.in_float64(torch_model):
            wide_loss, wide = _torch_gradients(torch_model, torch_side.widen(inputs), training)
        other_loss, theirs = _tf_gradients(tf_model, inputs, training)
        statistics = _statistics(torch_model, tf_model, pairs, axes) if training else Comparison(())
    noise = noise_between({"loss": loss, **mine}, {"loss": wide_loss, **wide})
    moved = {
        name: _moved(theirs[pairs[name]], axes[name], mine[name].shape) for name in mine if pairs.get(name) in theirs
    }
    expected = {name: value for name, value in mine.items() if name in pairs}
    return Backward(
        compare_flat(_flat({"loss": loss}), _flat({"loss": other_loss}), tolerance=tolerance, noise=noise),
        compare_flat(_flat(expected), _flat(moved), tolerance=tolerance, noise=noise),
        statistics,
        training,
        tuple(name for name, parameter in torch_model.named_parameters() if name not in mine),
    )


@contextmanager
def without_dropout(modules: list[Any]) -> Iterator[None]:
    """Set every dropout rate that these modules hold, and their configurations', to zero meanwhile."""
    holders = [*modules, *{id(c): c for m in modules if (c := getattr(m, "config", None)) is not None}.values()]
    with ExitStack() as stack:
        for holder in holders:
            named = vars(holder)
            is_dropout = "Dropout" in type(holder).__name__
            rates = {
                name: 0.0
                for name, value in named.items()
                if isinstance(value, float)
                and (any(word in name for word in _DROPOUT) or (is_dropout and name in ("p", "rate")))
            }
            stack.enter_context(mock.patch.dict(named, rates))
        yield


def _torch_gradients(model: Any, inputs: Mapping[str, object], training: bool) -> tuple[Array, dict[str, Array]]:
    import torch

    model.train(training)
    model.zero_grad()
    with torch.enable_grad():
        output = model(**torch_side.to_torch(inputs))
        loss = sum((tensor * torch.from_numpy(weight)).sum() for tensor, weight in _weighted(output))
        loss.backward()
    gradients = {
        name: parameter.grad.detach().cpu().numpy().copy()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    model.zero_grad()
    return loss.detach().numpy(), gradients


def _tf_gradients(model: Any, inputs: Mapping[str, object], training: bool) -> tuple[Array, dict[str, Array]]:
    import tensorflow as tf

    named = {path: variable for path, variable in tf_side.variables(model).items() if variable.trainable}
    watched = [variable.value for variable in named.values()]
    with tf.GradientTape() as tape:
        output = tf_side.call_model(model, inputs, training)
        loss = tf.add_n([tf.reduce_sum(tensor * tf.constant(weight)) for tensor, weight in _weighted(output)])
    gradients = tape.gradient(loss, watched)
    return loss.numpy(), {
        path: tf.convert_to_tensor(gradient).numpy()
        for path, gradient in zip(named, gradients, strict=True)
        if gradient is not None
    }


def _weighted(output: object) -> Iterator[tuple[Any, Array]]:
    """The differentiable outputs with fixed weights: a loss alone where there is one."""
    leaves = list(_floats(output, ""))
    losses = [(path, tensor) for path, tensor in leaves if path == "loss"]
    for path, tensor in losses or leaves:
        shape = tuple(int(size) for size in tensor.shape)
        seed = sum(path.encode())
        weight = np.random.default_rng(seed).normal(size=shape) / math.sqrt(max(1, math.prod(shape)))
        yield tensor, np.ones(shape, _dtype(tensor)) if losses else weight.astype(_dtype(tensor))


def _floats(value: object, path: str) -> Iterator[tuple[str, Any]]:
    if is_tensor(value):
        if "float" in _dtype(value) and "past" not in path:
            yield path, value
        return
    for name, part in children(value) or ():
        yield from _floats(part, f"{path}.{name}" if path else name)


def _dtype(tensor: Any) -> str:
    name = getattr(tensor.dtype, "name", None) or str(tensor.dtype)
    return str(name).removeprefix("torch.")


def _axes(torch_model: Any, tf_model: Any, name: str, other: str) -> tuple[int, ...]:
    """The transposition with which the TensorFlow weight is PyTorch's."""
    mine, theirs = torch_side.parameter_array(torch_model, name), tf_side.parameter_array(tf_model, other)
    best, least = tuple(range(theirs.ndim)), np.inf
    for axes in itertools.permutations(range(theirs.ndim)):
        moved = np.transpose(theirs, axes)
        if moved.size == mine.size and [n for n in moved.shape if n > 1] == [n for n in mine.shape if n > 1]:
            distance = float(np.abs(moved.reshape(mine.shape).astype(np.float64) - mine).max(initial=0.0))
            if distance < least:
                best, least = axes, distance
    return best


def _moved(value: Array, axes: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    moved = np.transpose(value, axes)
    return moved.reshape(shape) if moved.size == np.prod(shape) else moved


def _statistics(
    torch_model: Any, tf_model: Any, pairs: Mapping[str, str], axes: Mapping[str, tuple[int, ...]]
) -> Comparison:
    """BatchNorm's running statistics after the step."""
    buffers = {name: buffer.detach().numpy() for name, buffer in torch_model.named_buffers() if name in pairs}
    running = {name: value for name, value in buffers.items() if value.dtype.kind == "f"}
    theirs = {
        name: _moved(tf_side.parameter_array(tf_model, pairs[name]), axes[name], value.shape)
        for name, value in running.items()
    }
    return compare_flat(_flat(running), _flat(theirs))


@contextmanager
def _restored(torch_model: Any, tf_model: Any) -> Iterator[None]:
    """Put modes, running statistics and gradients back afterwards."""
    modes = [(module, module.training) for module in torch_model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in torch_model.buffers()]
    variables = [(v, v.numpy()) for v in tf_side.variables(tf_model).values() if not v.trainable]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, before in buffers:
            buffer.data = before
        for variable, value in variables:
            variable.assign(value)


def _flat(named: Mapping[str, Array]) -> Flattened:
    tensors: dict[str, TensorValue] = {}
    for name, value in named.items():
        tensors.update(flatten(value, name).tensors)
    return Flattened(tensors)
