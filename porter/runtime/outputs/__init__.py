"""Outputs of all kinds of models, with the fields of `transformers.modeling_outputs` in the same order.

Fields that several outputs have, with their shapes:
- `loss`: scalar, present when labels were given.
- `logits`: scores before the softmax, `(batch, classes)` or `(batch, length, classes)`.
- `last_hidden_state`: `(batch, length, hidden)`, for images `(batch, channels, height, width)` or patches as length.
- `pooler_output`: `(batch, hidden)`.
- `hidden_states`: a tuple, the embeddings and then the result of every layer, with `output_hidden_states`.
- `attentions`, `cross_attentions`: a tuple over the layers of `(batch, heads, length, length)`, when
  `output_attentions` is asked for; `decoder_` and `encoder_` prefixes say whose.
- `past_key_values`: the cache (porter.runtime.caches), when `use_cache` is asked for.
- `router_logits`, `router_probs`: a tuple over the layers of the experts' scores.
"""

from porter.runtime.outputs.base_models import (
    TFBackboneOutput,
    TFBaseModelOutput,
    TFBaseModelOutputWithCrossAttentions,
    TFBaseModelOutputWithNoAttention,
    TFBaseModelOutputWithPast,
    TFBaseModelOutputWithPastAndCrossAttentions,
    TFBaseModelOutputWithPooling,
    TFBaseModelOutputWithPoolingAndCrossAttentions,
    TFBaseModelOutputWithPoolingAndNoAttention,
    TFBaseModelOutputWithPoolingAndProjection,
    TFMoEModelOutput,
    TFMoeModelOutputWithPast,
    TFMoEModelOutputWithPastAndCrossAttentions,
    TFSeq2SeqModelOutput,
    TFSeq2SeqMoEModelOutput,
    TFSeq2SeqTSModelOutput,
    TFWav2Vec2BaseModelOutput,
)
from porter.runtime.outputs.head_outputs import (
    TFCausalLMOutput,
    TFCausalLMOutputWithCrossAttentions,
    TFCausalLMOutputWithPast,
    TFDepthEstimatorOutput,
    TFImageClassifierOutput,
    TFImageClassifierOutputWithNoAttention,
    TFImageSuperResolutionOutput,
    TFMaskedImageModelingOutput,
    TFMaskedLMOutput,
    TFMoECausalLMOutputWithPast,
    TFMoeCausalLMOutputWithPast,
    TFMultipleChoiceModelOutput,
    TFNextSentencePredictorOutput,
    TFQuestionAnsweringModelOutput,
    TFSampleTSPredictionOutput,
    TFSemanticSegmenterOutput,
    TFSeq2SeqLMOutput,
    TFSeq2SeqMoEOutput,
    TFSeq2SeqQuestionAnsweringModelOutput,
    TFSeq2SeqSequenceClassifierOutput,
    TFSeq2SeqSpectrogramOutput,
    TFSeq2SeqTSPredictionOutput,
    TFSequenceClassifierOutput,
    TFSequenceClassifierOutputWithPast,
    TFTokenClassifierOutput,
    TFXVectorOutput,
)
from porter.runtime.outputs.model_output import TFModelOutput

__all__ = [
    "TFBackboneOutput",
    "TFBaseModelOutput",
    "TFBaseModelOutputWithCrossAttentions",
    "TFBaseModelOutputWithNoAttention",
    "TFBaseModelOutputWithPast",
    "TFBaseModelOutputWithPastAndCrossAttentions",
    "TFBaseModelOutputWithPooling",
    "TFBaseModelOutputWithPoolingAndCrossAttentions",
    "TFBaseModelOutputWithPoolingAndNoAttention",
    "TFBaseModelOutputWithPoolingAndProjection",
    "TFCausalLMOutput",
    "TFCausalLMOutputWithCrossAttentions",
    "TFCausalLMOutputWithPast",
    "TFDepthEstimatorOutput",
    "TFImageClassifierOutput",
    "TFImageClassifierOutputWithNoAttention",
    "TFImageSuperResolutionOutput",
    "TFMaskedImageModelingOutput",
    "TFMaskedLMOutput",
    "TFMoECausalLMOutputWithPast",
    "TFMoEModelOutput",
    "TFMoEModelOutputWithPastAndCrossAttentions",
    "TFModelOutput",
    "TFMoeCausalLMOutputWithPast",
    "TFMoeModelOutputWithPast",
    "TFMultipleChoiceModelOutput",
    "TFNextSentencePredictorOutput",
    "TFQuestionAnsweringModelOutput",
    "TFSampleTSPredictionOutput",
    "TFSemanticSegmenterOutput",
    "TFSeq2SeqLMOutput",
    "TFSeq2SeqMoEModelOutput",
    "TFSeq2SeqMoEOutput",
    "TFSeq2SeqModelOutput",
    "TFSeq2SeqQuestionAnsweringModelOutput",
    "TFSeq2SeqSequenceClassifierOutput",
    "TFSeq2SeqSpectrogramOutput",
    "TFSeq2SeqTSModelOutput",
    "TFSeq2SeqTSPredictionOutput",
    "TFSequenceClassifierOutput",
    "TFSequenceClassifierOutputWithPast",
    "TFTokenClassifierOutput",
    "TFWav2Vec2BaseModelOutput",
    "TFXVectorOutput",
]
