"""Running a TensorFlow text on the samples, eagerly and as a graph, and comparing with PyTorch."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch

import porter.runtime
from tests.rules.samples import samples


def run(code: str, *, static: bool | None = None) -> Any:
    """The value of the text: eager, or as a graph whose inputs have known or unknown sizes (`static`)."""
    used = sorted({node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)})
    tensors = {name: tf.constant(samples()[name]) for name in used if name in samples()}
    names = [name for name in used if name in porter.runtime.EXPORTED]
    scope = {name: getattr(porter.runtime, name) for name in names}
    scope |= {
        "tf": tf,
        "keras": keras,
        "np": np,
        "math": math,
        "forward_fn": tf.exp,
        "eager_config": None,
        "mode": "tanh",
    }
    compiled = compile(code, "<case>", "eval")

    def function(**arguments: Any) -> Any:
        return eval(compiled, {**scope, **arguments})  # the cases are this project's own texts

    if static is None:
        return function(**tensors)
    return _graph(function, tensors, static)


def _graph(function: Callable[..., Any], tensors: dict[str, Any], static: bool) -> Any:
    specs = {
        name: tf.TensorSpec(tensor.shape if static else [None] * tensor.shape.rank, tensor.dtype)
        for name, tensor in tensors.items()
    }
    plain: list[Any] = []

    @tf.function(autograph=False)
    def graph(**arguments: Any) -> Any:
        found = function(**arguments)
        plain.append(found)
        return tf.nest.map_structure(lambda part: part if tf.is_tensor(part) else tf.constant(0), found)

    results = graph.get_concrete_function(**specs)(**tensors)
    return tf.nest.map_structure(lambda part, ran: ran if tf.is_tensor(part) else part, plain[0], results)


def compare(expected: Any, actual: Any, *, values: bool = True) -> None:
    """Fail where structure, dtype, shape or numbers differ."""
    if isinstance(expected, torch.Size):
        expected = list(expected)
    if isinstance(expected, (list, tuple)):
        assert len(expected) == len(actual), (expected, actual)
        for one, other in zip(expected, actual, strict=True):
            compare(one, other, values=values)
        return
    if isinstance(expected, torch.Tensor):
        assert tf.is_tensor(actual), f"{actual} is not a tensor"
        assert actual.dtype.name == str(expected.dtype).removeprefix("torch."), actual.dtype
        expected = expected.detach().resolve_conj()
        if expected.dtype == torch.bfloat16:
            expected, actual = expected.float(), tf.cast(actual, tf.float32)
        expected = expected.numpy()
    if isinstance(expected, torch.dtype):
        assert tf.as_dtype(actual).name == str(expected).removeprefix("torch.")
        return
    assert not isinstance(expected, torch.device)
    reference, found = np.asarray(expected), np.asarray(actual)
    assert reference.shape == found.shape, (reference.shape, found.shape)
    if values:
        bound = 1e-5 * max(1.0, float(np.nanmax(np.abs(reference[np.isfinite(reference)]), initial=0.0)))
        if reference.dtype.kind in "fc":
            np.testing.assert_allclose(found, reference, rtol=0, atol=bound)
        else:
            np.testing.assert_array_equal(found, reference)
