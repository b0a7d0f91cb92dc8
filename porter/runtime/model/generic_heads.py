"""Heads that many decoders share, as `transformers.modeling_layers` has them.

A generated class names its main layer and inherits the rest:

    class TFLlamaForSequenceClassification(TFGenericForSequenceClassification, TFLlamaPreTrainedModel):
        main_layer_class = TFLlamaMainLayer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.model.calling import unpack_inputs
from porter.runtime.model.modeling import TFPreTrainedModel
from porter.runtime.ops.common import shape_list
from porter.runtime.outputs import (
    TFQuestionAnsweringModelOutput,
    TFSequenceClassifierOutputWithPast,
    TFTokenClassifierOutput,
)
from porter.runtime.port_errors import WrongValue


class _GenericHead(TFPreTrainedModel):
    """A base model under `base_model_prefix` and one dense layer on top.

    What else `call` is given, such as images, goes to the base model.
    """

    base_model_prefix = "model"
    main_layer_class: Any = None

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(config, *inputs, **kwargs)
        self.hidden_size = self.config.get_text_config().hidden_size
        setattr(self, self.base_model_prefix, self.main_layer_class(self.config, name=self.base_model_prefix))

    def _hidden(self, input_ids: Any, more: Mapping[str, Any], **kwargs: Any) -> Any:
        """The base model's output.

        Raises:
            TypeError: the base model does not take one of `more`.
        """
        main_layer = getattr(self, self.base_model_prefix)
        unknown = [key for key in more if key not in main_layer.call_signature_parameters]
        if unknown:
            raise TypeError(f"{type(self).__name__} takes no {', '.join(unknown)}.")
        kwargs |= more
        accepted = {key: value for key, value in kwargs.items() if key in main_layer.call_signature_parameters}
        return main_layer(input_ids, return_dict=True, **accepted)

    def _build(self, dense: keras.layers.Dense) -> None:
        getattr(self, self.base_model_prefix).build()
        dense.build((None, None, self.hidden_size))
        self.tie_weights()


class _GenericClassifier(_GenericHead):
    """A head that gives scores per label, of a sequence or of each token."""

    @unpack_inputs
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        position_ids: Any = None,
        past_key_values: Any = None,
        inputs_embeds: Any = None,
        labels: Any = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        training: bool = False,
        **more: Any,
    ) -> Any:
        """Score each sequence, or each token.

        Raises:
            WrongValue: several sequences have to be scored, and the configuration names no padding token.
        """
        outputs = self._hidden(
            input_ids,
            more,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            training=training,
        )
        return self._classified(outputs, input_ids, labels, training)

    def _classified(self, outputs: Any, input_ids: Any, labels: Any, training: bool) -> Any:
        raise NotImplementedError

    def build(self, input_shape: Any = None) -> None:
        """Build the base model and the head."""
        self._build(self.score)


class TFGenericForSequenceClassification(_GenericClassifier):
    """Scores of the last token of each sequence that is not padding, `(batch, labels)`."""

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        self.score = keras.layers.Dense(self.num_labels, use_bias=False, name="score")
        self.post_init()

    def _classified(self, outputs: Any, input_ids: Any, labels: Any, training: bool) -> Any:
        pooled_logits = self._of_last_token(self.score(outputs.last_hidden_state), input_ids)
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=pooled_logits, config=self.config)
        return TFSequenceClassifierOutputWithPast(
            loss=loss,
            logits=pooled_logits,
            past_key_values=outputs.get("past_key_values"),
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )

    def _of_last_token(self, logits: Any, input_ids: Any) -> Any:
        padding = self.config.get_text_config().pad_token_id
        if padding is None and shape_list(logits)[0] != 1:
            raise WrongValue("Several sequences need a pad_token_id in the config.")
        if padding is None or input_ids is None:
            return logits[:, -1]
        places = tf.range(shape_list(input_ids)[1], dtype=tf.int64)
        last = tf.reduce_max(tf.where(input_ids != padding, places, 0), axis=-1)
        return tf.gather(logits, last, axis=1, batch_dims=1)


class TFGenericForTokenClassification(_GenericClassifier):
    """Scores of each token, `(batch, length, labels)`."""

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(config, *inputs, **kwargs)
        self.num_labels = config.num_labels
        rates = (getattr(config, name, None) for name in ("classifier_dropout", "hidden_dropout"))
        self.dropout = keras.layers.Dropout(next((r for r in rates if r is not None), 0.1), name="dropout")
        use_bias = getattr(config, "token_classification_bias", True)
        self.score = keras.layers.Dense(self.num_labels, use_bias=use_bias, name="score")
        self.post_init()

    def _classified(self, outputs: Any, input_ids: Any, labels: Any, training: bool) -> Any:
        logits = self.score(self.dropout(outputs.last_hidden_state, training=training))
        loss = None if labels is None else self.loss_function(logits, labels, self.config)
        return TFTokenClassifierOutput(
            loss=loss,
            logits=logits,
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )


class TFGenericForQuestionAnswering(_GenericHead):
    """Scores of where an answer starts and ends, `(batch, length)` each."""

    def __init__(self, config: Any, *inputs: Any, **kwargs: Any) -> None:
        super().__init__(config, *inputs, **kwargs)
        self.qa_outputs = keras.layers.Dense(2, name="qa_outputs")
        self.post_init()

    @unpack_inputs
    def call(
        self,
        input_ids: Any = None,
        attention_mask: Any = None,
        position_ids: Any = None,
        past_key_values: Any = None,
        inputs_embeds: Any = None,
        start_positions: Any = None,
        end_positions: Any = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        training: bool = False,
        **more: Any,
    ) -> Any:
        """Score each position."""
        outputs = self._hidden(
            input_ids,
            more,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            inputs_embeds=inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            training=training,
        )
        start_logits, end_logits = tf.unstack(self.qa_outputs(outputs.last_hidden_state), axis=-1)
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = self.loss_function(start_logits, end_logits, start_positions, end_positions)
        return TFQuestionAnsweringModelOutput(
            loss=loss,
            start_logits=start_logits,
            end_logits=end_logits,
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )

    def build(self, input_shape: Any = None) -> None:
        """Build the base model and the head."""
        self._build(self.qa_outputs)
