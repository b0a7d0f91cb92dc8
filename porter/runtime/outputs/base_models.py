"""Outputs of models without a head: hidden states and what goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from porter.runtime.outputs.model_output import TFModelOutput

Tensor = Any
Tensors = tuple[Any, ...]


@dataclass
class TFBaseModelOutput(TFModelOutput):
    """Hidden states of an encoder."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithNoAttention(TFModelOutput):
    """Hidden states of a network without attention."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPooling(TFModelOutput):
    """Hidden states of an encoder and one vector per sequence."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPoolingAndNoAttention(TFModelOutput):
    """Hidden states of a network without attention and one vector per image."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPast(TFModelOutput):
    """Hidden states of a decoder with its cache."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithCrossAttentions(TFModelOutput):
    """Hidden states of a decoder that looks at an encoder."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPoolingAndCrossAttentions(TFModelOutput):
    """Hidden states, pooled vector and cache of a model that may be a decoder."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None
    past_key_values: Any | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPastAndCrossAttentions(TFModelOutput):
    """Hidden states and cache of a decoder that looks at an encoder."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class TFMoEModelOutput(TFModelOutput):
    """Hidden states of an encoder with routed experts."""

    last_hidden_state: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    router_probs: Tensors | None = None
    router_logits: Tensors | None = None


@dataclass
class TFMoeModelOutputWithPast(TFModelOutput):
    """Hidden states and cache of a decoder with routed experts."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    router_logits: Tensors | None = None


@dataclass
class TFMoEModelOutputWithPastAndCrossAttentions(TFModelOutput):
    """Hidden states of a decoder with routed experts that looks at an encoder."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    router_probs: Tensors | None = None
    router_logits: Tensors | None = None


@dataclass
class TFSeq2SeqModelOutput(TFModelOutput):
    """Hidden states of an encoder and its decoder."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class TFSeq2SeqMoEModelOutput(TFModelOutput):
    """Hidden states of an encoder and its decoder with routed experts."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    decoder_router_logits: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None
    encoder_router_logits: Tensors | None = None


@dataclass
class TFWav2Vec2BaseModelOutput(TFModelOutput):
    """Hidden states and convolution features of speech."""

    last_hidden_state: Tensor | None = None
    extract_features: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFBackboneOutput(TFModelOutput):
    """Feature maps of a vision backbone."""

    feature_maps: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFBaseModelOutputWithPoolingAndProjection(TFModelOutput):
    """Hidden states, pooled vector and its projection."""

    last_hidden_state: Tensor | None = None
    pooler_output: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    projection_state: Tensor | None = None


@dataclass
class TFSeq2SeqTSModelOutput(TFModelOutput):
    """Hidden states of a time-series encoder and decoder."""

    last_hidden_state: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None
    loc: Tensor | None = None
    scale: Tensor | None = None
    static_features: Tensor | None = None
