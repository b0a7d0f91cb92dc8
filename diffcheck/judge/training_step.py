"""Gradients of every parameter, and one forward pass in training mode with dropout forced off."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np

from diffcheck.compare.metrics import TOLERANCE, Bound
from diffcheck.compare.outputs import compare_flat, noise_between
from diffcheck.compare.pair import Pairing
from diffcheck.compare.weight_axes import axes_to_torch, moved
from diffcheck.record import tf_side, torch_side
from diffcheck.record.copies import SpillFile
from diffcheck.record.sides import Sides
from diffcheck.record.values import Flattened, TensorValue, children, flatten, is_tensor
from diffcheck.show.backward import Backward

Array = np.ndarray[Any, Any]
_SMALL = 1e-2
"""Gradients below this share of the model's greatest are compared as if they were as large as that."""
_DROPOUT = ("dropout", "drop_path", "layerdrop", "drop_rate", "drop_prob")


@dataclass(frozen=True)
class _TorchPass:
    """What PyTorch's model gave in one mode, by PyTorch's names; all but the loss lies on disk.

    ``noise`` is its own rounding, ``statistics`` are the buffers after the step, ``weights`` the parameters before it,
    ``floor`` is the size below which gradients count as small.
    """

    training: bool
    loss: Array
    gradients: Mapping[str, TensorValue]
    statistics: Mapping[str, TensorValue]
    weights: Mapping[str, TensorValue]
    noise: Mapping[str, float]
    unexercised: tuple[str, ...]
    floor: float


def compare_backward(
    sides: Sides,
    inputs: Mapping[str, object],
    pairing: Pairing,
    modes: Sequence[bool],
    tolerance: float = TOLERANCE,
) -> tuple[Backward, ...]:
    """Compare gradients of one scalar: the model's ``loss`` where it has one, else its outputs times fixed numbers.

    Each gradient may differ by the tolerance, or by 8 times PyTorch's own rounding where that is more, as a share of
    its greatest number; small ones as a share of 1 % of the greatest of all gradients. No gradient is a gradient of
    zeros.

    ``pairing`` says which parameters are compared, and how their axes lie; ``modes`` says for each comparison whether
    it is made in training mode, in which every dropout rate of both models is zero meanwhile. Statistics that a step
    changes are put back. One model at a time is needed.
    """
    model, file = sides.torch(), SpillFile()
    passes = [_torch_pass(model, inputs, pairing.parameters, training, file) for training in modes]
    del model
    port = sides.tf()
    return tuple(_compared(port, inputs, pairing, each, tolerance) for each in passes)


def _torch_pass(
    model: Any, inputs: Mapping[str, object], pairs: Mapping[str, str], training: bool, file: SpillFile
) -> _TorchPass:
    with ExitStack() as stack:
        stack.enter_context(_torch_restored(model))
        if training:
            stack.enter_context(without_dropout([*model.modules()]))
        weights = _spilled(torch_side.parameters(model, pairs), file)
        loss, gradients = _torch_gradients(model, inputs, training)
        greatest = max((float(np.abs(gradient).max(initial=0.0)) for gradient in gradients.values()), default=0.0)
        floor = min(1.0, _SMALL * greatest) or 1.0
        single = _spilled(_flat(gradients).tensors, file)
        buffers = [name for name, buffer in model.named_buffers() if name in pairs and buffer.is_floating_point()]
        statistics = _spilled(torch_side.parameters(model, buffers), file) if training else {}
        del gradients
        with torch_side.in_float64(model):
            wide_loss, wide = _torch_gradients(model, torch_side.widen(inputs), training)
    noise = noise_between({"loss": loss}, {"loss": wide_loss})
    for name, value in single.items():
        noise |= noise_between({name: value.array}, {name: wide[name]}, floor)
    idle = tuple(name for name, _ in model.named_parameters() if name not in single)
    return _TorchPass(training, loss, single, statistics, weights, noise, idle, floor)


def _spilled(tensors: Mapping[str, TensorValue], file: SpillFile) -> dict[str, TensorValue]:
    return {name: file.append(value) for name, value in tensors.items()}


def _compared(
    model: Any, inputs: Mapping[str, object], pairing: Pairing, reference: _TorchPass, tolerance: float
) -> Backward:
    """TensorFlow's pass against PyTorch's."""
    pairs = pairing.parameters
    with ExitStack() as stack:
        stack.enter_context(_tf_restored(model))
        if reference.training:
            stack.enter_context(without_dropout([*tf_side.layers(model).values()]))
        axes = {
            name: axes_to_torch(tf_side.parameter_array(model, pairs[name]), weight.array, pairing.axes.get(name))
            for name, weight in reference.weights.items()
        }
        loss, gradients = _tf_gradients(model, inputs, reference.training)
        statistics = {
            name: moved(tf_side.parameter_array(model, pairs[name]), axes[name], value.array.shape)
            for name, value in reference.statistics.items()
        }
    turned = {
        name: moved(gradients[pairs[name]], axes[name], reference.weights[name].array.shape)
        for name in (*reference.gradients, *reference.unexercised)
        if name in axes and pairs[name] in gradients
    }
    paired = {name: each for name, each in reference.gradients.items() if name in axes}
    expected = {name: each for name, each in paired.items() if name in turned or each.array.any()}
    turned = {name: each for name, each in turned.items() if name in expected or each.any()}
    noise, bound = reference.noise, Bound(tolerance, floor=reference.floor)
    return Backward(
        compare_flat(_flat({"loss": reference.loss}), _flat({"loss": loss}), tolerance=tolerance, noise=noise),
        compare_flat(Flattened(expected), _flat(turned), tolerance=bound, noise=noise),
        compare_flat(Flattened(reference.statistics), _flat(statistics)),
        reference.training,
        reference.unexercised,
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


@contextmanager
def _torch_restored(model: Any) -> Iterator[None]:
    """Put modes and buffers back afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for buffer, before in buffers:
            buffer.data = before


@contextmanager
def _tf_restored(model: Any) -> Iterator[None]:
    """Put variables that are not trained back afterwards."""
    variables = [(v, v.numpy()) for v in tf_side.variables(model).values() if not v.trainable]
    try:
        yield
    finally:
        for variable, value in variables:
            variable.assign(value)


def _flat(named: Mapping[str, Array]) -> Flattened:
    tensors: dict[str, TensorValue] = {}
    for name, value in named.items():
        tensors.update(flatten(value, name).tensors)
    return Flattened(tensors)
