"""Outputs of models with a head: a loss, and scores or what else the head predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from porter.runtime.outputs.model_output import TFModelOutput

Tensor = Any
Tensors = tuple[Any, ...]


@dataclass
class TFMoeCausalLMOutputWithPast(TFModelOutput):
    """Next-token scores of a decoder with routed experts."""

    loss: Tensor | None = None
    aux_loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    router_logits: Tensors | None = None


@dataclass
class TFCausalLMOutput(TFModelOutput):
    """Next-token scores."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFCausalLMOutputWithPast(TFModelOutput):
    """Next-token scores with a cache."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFCausalLMOutputWithCrossAttentions(TFModelOutput):
    """Next-token scores of a decoder that looks at an encoder."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass
class TFSequenceClassifierOutputWithPast(TFModelOutput):
    """Class scores of sequences, from a decoder."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFMaskedLMOutput(TFModelOutput):
    """Token scores at every position."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFSeq2SeqLMOutput(TFModelOutput):
    """Token scores of a decoder after its encoder."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class TFSeq2SeqMoEOutput(TFModelOutput):
    """Token scores of a decoder with routed experts after its encoder."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    encoder_z_loss: Tensor | None = None
    decoder_z_loss: Tensor | None = None
    encoder_aux_loss: Tensor | None = None
    decoder_aux_loss: Tensor | None = None
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
class TFNextSentencePredictorOutput(TFModelOutput):
    """Whether one sentence follows the other."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFSequenceClassifierOutput(TFModelOutput):
    """Class scores of sequences."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFSeq2SeqSequenceClassifierOutput(TFModelOutput):
    """Class scores of sequences, from encoder and decoder."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class TFMultipleChoiceModelOutput(TFModelOutput):
    """Scores of the choices of a question."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFTokenClassifierOutput(TFModelOutput):
    """Class scores of tokens."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFQuestionAnsweringModelOutput(TFModelOutput):
    """Scores of the positions where an answer starts and ends."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFSeq2SeqQuestionAnsweringModelOutput(TFModelOutput):
    """Scores of the positions of an answer, from encoder and decoder."""

    loss: Tensor | None = None
    start_logits: Tensor | None = None
    end_logits: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class TFSemanticSegmenterOutput(TFModelOutput):
    """Class scores of pixels."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFImageClassifierOutput(TFModelOutput):
    """Class scores of images."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFImageClassifierOutputWithNoAttention(TFModelOutput):
    """Class scores of images, from a network without attention."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    hidden_states: Tensors | None = None


@dataclass
class TFDepthEstimatorOutput(TFModelOutput):
    """Depth of pixels."""

    loss: Tensor | None = None
    predicted_depth: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFImageSuperResolutionOutput(TFModelOutput):
    """Enlarged images."""

    loss: Tensor | None = None
    reconstruction: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFXVectorOutput(TFModelOutput):
    """Speaker scores and vectors."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    embeddings: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass
class TFSeq2SeqSpectrogramOutput(TFModelOutput):
    """Spectrogram of a speech decoder."""

    loss: Tensor | None = None
    spectrogram: Tensor | None = None
    past_key_values: Any | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass
class TFSeq2SeqTSPredictionOutput(TFModelOutput):
    """Distribution parameters of a time series."""

    loss: Tensor | None = None
    params: Tensors | None = None
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


@dataclass
class TFSampleTSPredictionOutput(TFModelOutput):
    """Sampled continuations of a time series."""

    sequences: Tensor | None = None


@dataclass
class TFMaskedImageModelingOutput(TFModelOutput):
    """Pixels behind masked patches."""

    loss: Tensor | None = None
    reconstruction: Tensor | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


TFMoECausalLMOutputWithPast = TFMoeCausalLMOutputWithPast
