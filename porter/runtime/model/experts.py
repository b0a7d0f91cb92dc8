"""Mixtures of experts: the part that transformers dispatches by `use_experts_implementation`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def experts_forward(
    layer: Any,
    hidden_states: Any,
    top_k_index: Any,
    top_k_weights: Any,
    *,
    is_transposed: bool = False,
    has_bias: bool = False,
    has_gate: bool = True,
    has_post_expert_norm: bool = False,
) -> Any:
    """Send every token through its experts and add up their results by weight.

    The loop runs over the experts, each of which gets only its own tokens. It traces into a graph, for XLA too.

    Args:
        layer: holds `num_experts`, `act_fn` and the weights `(experts, outputs, inputs)` named `gate_up_proj` (or
            `up_proj`) and `down_proj`, their biases, and perhaps `_apply_gate` and `post_expert_norm`.
        hidden_states: `(tokens, features)`.
        top_k_index: `(tokens, k)`, the chosen experts; `num_experts` stands for none.
        top_k_weights: `(tokens, k)`.
        is_transposed: the weights are `(experts, inputs, outputs)`.
        has_bias: the projections have biases.
        has_gate: one half of the first projection gates the other.
        has_post_expert_norm: a norm follows each expert.

    Returns:
        `(tokens, features)`.
    """
    first = "gate_up_proj" if has_gate else "up_proj"
    result = tf.zeros_like(hidden_states)
    for expert in range(layer.num_experts):
        chosen = tf.where(tf.equal(top_k_index, tf.cast(expert, top_k_index.dtype)))
        tokens = chosen[:, 0]
        current = _linear(layer, first, expert, tf.gather(hidden_states, tokens), is_transposed, has_bias)
        current = _gated(layer, current) if has_gate else layer.act_fn(current)
        current = _linear(layer, "down_proj", expert, current, is_transposed, has_bias)
        if has_post_expert_norm:
            current = layer.post_expert_norm(current)
        weights = tf.cast(tf.gather_nd(top_k_weights, chosen)[:, tf.newaxis], current.dtype)
        result = tf.tensor_scatter_nd_add(result, tokens[:, tf.newaxis], tf.cast(current * weights, result.dtype))
    return result


def _linear(layer: Any, name: str, expert: int, inputs: Any, is_transposed: bool, has_bias: bool) -> Any:
    weight = tf.convert_to_tensor(getattr(layer, name))[expert]
    outputs = tf.matmul(inputs, weight, transpose_b=not is_transposed)
    return outputs + tf.convert_to_tensor(getattr(layer, f"{name}_bias"))[expert] if has_bias else outputs


def _gated(layer: Any, outputs: Any) -> Any:
    own = getattr(layer, "_apply_gate", None)
    if own is not None:
        return own(outputs)
    gate, up = tf.split(outputs, 2, axis=-1)
    return layer.act_fn(gate) * up
