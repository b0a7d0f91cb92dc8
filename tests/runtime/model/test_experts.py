"""Experts give what PyTorch's interface gives, with every option it knows."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import torch
from transformers.integrations.moe import batched_mm_experts_forward

from porter.runtime import experts_forward

TOKENS, FEATURES, INNER, EXPERTS, K = 5, 4, 3, 4, 2
OPTIONS: list[dict[str, bool]] = [
    {},
    {"is_transposed": True},
    {"has_bias": True},
    {"has_gate": False},
    {"has_post_expert_norm": True},
]


def _weights(has_gate: bool, is_transposed: bool) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    first, outputs = ("gate_up_proj", 2 * INNER) if has_gate else ("up_proj", INNER)
    shapes = {first: (EXPERTS, outputs, FEATURES), "down_proj": (EXPERTS, FEATURES, INNER)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    biases = {f"{name}_bias": rng.standard_normal(shape[:2]).astype(np.float32) for name, shape in shapes.items()}
    swapped = {name: value.swapaxes(1, 2) if is_transposed else value for name, value in weights.items()}
    return swapped | biases


@pytest.mark.parametrize("graph", [False, True])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_experts_are_pytorchs(options: dict[str, bool], graph: bool) -> None:
    weights = _weights(options.get("has_gate", True), options.get("is_transposed", False))
    rng = np.random.default_rng(6)
    hidden = rng.standard_normal((TOKENS, FEATURES)).astype(np.float32)
    index = np.stack([rng.permutation(EXPERTS)[:K] for _ in range(TOKENS)])
    shares = rng.random((TOKENS, K)).astype(np.float32)
    flags = {"is_transposed": False, "has_bias": False, "has_gate": True, "has_post_expert_norm": False} | options
    theirs: Any = SimpleNamespace(
        **{name: torch.from_numpy(value.copy()) for name, value in weights.items()}, **flags, num_experts=EXPERTS,
        act_fn=torch.relu, _is_expert_parallel=False, post_expert_norm=lambda states: states * 2,
        _apply_gate=lambda outputs: torch.relu(outputs.chunk(2, -1)[0]) * outputs.chunk(2, -1)[1],
    )  # fmt: skip
    ours = SimpleNamespace(
        **{name: tf.constant(value) for name, value in weights.items()}, num_experts=EXPERTS, act_fn=tf.nn.relu,
        post_expert_norm=lambda states: states * 2,
    )  # fmt: skip
    reference = batched_mm_experts_forward(theirs, *(torch.from_numpy(part) for part in (hidden, index, shares)))

    def run(*arguments: Any) -> Any:
        return experts_forward(ours, *arguments, **options)

    function = tf.function(run) if graph else run
    found = function(tf.constant(hidden), tf.constant(index), tf.constant(shares))
    np.testing.assert_allclose(found, reference.numpy(), rtol=0, atol=1e-5 * max(1, np.abs(reference.numpy()).max()))
