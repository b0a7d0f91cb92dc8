"""A PyTorch layer and its counterpart with the same weights, compared: eagerly, in a graph, and by gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import torch

from porter.runtime.model.names import named_variables


def copy_weights(theirs: torch.nn.Module, ours: Any) -> None:
    """Every tensor of the state into the variable of its name; both sides must have the same names."""
    named, state = named_variables(ours), theirs.state_dict()
    assert set(named) == set(state)
    for name, entry in named.items():
        assert entry.torch_shape == tuple(state[name].shape)
        entry.variable.assign(entry.layout.to_keras(state[name].numpy()))


def strong(layer: torch.nn.Module) -> torch.nn.Module:
    """The layer in eval mode, its weights well away from 0."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape))
    return layer.eval()


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def assert_twins(theirs: torch.nn.Module, ours: Any, inputs: list[Any], **options: Any) -> None:
    """The same outputs eagerly and in a graph whose sizes are unknown but for features, and the same gradients."""
    ours.build(None)
    copy_weights(strong(theirs), ours)
    tensors = tf.nest.map_structure(torch.from_numpy, inputs)
    named = {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in options.items()}
    reference = theirs(*tensors, **named)
    renamed = {"attention_mask" if name == "mask" else name: value for name, value in options.items()}
    _assert_close(ours(*inputs, **renamed), reference)
    specs = tf.nest.map_structure(lambda a: tf.TensorSpec([None] * (a.ndim - 1) + [a.shape[-1]], a.dtype), inputs)
    graph = tf.function(lambda *given: ours(*given, **renamed), input_signature=specs)
    _assert_close(graph(*inputs), reference)
    _assert_gradients(theirs, ours, (tensors, named), (inputs, renamed))


def _flat(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for part in value for leaf in _flat(part)]
    return [] if value is None else [value]


def _assert_close(actual: Any, reference: Any) -> None:
    found, expected = _flat(actual), _flat(reference)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        array = other.detach().numpy()
        assert tuple(one.shape) == array.shape
        np.testing.assert_allclose(one, array, rtol=0, atol=1e-5 * max(1.0, float(np.abs(array).max())))


def _assert_gradients(theirs: torch.nn.Module, ours: Any, theirs_given: Any, ours_given: Any) -> None:
    theirs.zero_grad()
    outputs = _flat(theirs(*theirs_given[0], **theirs_given[1]))
    sum((value**2).sum() for value in outputs).backward()
    expected = {name: p.grad.numpy() for name, p in theirs.named_parameters() if p.grad is not None}
    with tf.GradientTape() as tape:
        loss = tf.add_n([tf.reduce_sum(value**2) for value in _flat(ours(*ours_given[0], **ours_given[1]))])
    named = {name: entry for name, entry in named_variables(ours).items() if name in expected}
    gradients = tape.gradient(loss, [entry.variable.value for entry in named.values()])
    for (name, entry), gradient in zip(named.items(), gradients, strict=True):
        found = entry.layout.to_torch(tf.convert_to_tensor(gradient).numpy())
        scale = max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(found, expected[name], rtol=0, atol=1e-4 * scale, err_msg=name)
