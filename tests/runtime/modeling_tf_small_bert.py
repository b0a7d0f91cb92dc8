"""A BERT in the shape of a generated file, written by hand: what porter.runtime must carry."""

import keras
import tensorflow as tf
from transformers import BertConfig

from porter.runtime import (
    DynamicCache,
    Embedding,
    TFBaseModelOutputWithPoolingAndCrossAttentions,
    TFGenericForQuestionAnswering,
    TFGenericForSequenceClassification,
    TFGenericForTokenClassification,
    TFGradientCheckpointingLayer,
    TFMaskedLMOutput,
    TFPreTrainedModel,
    TiedDense,
    capture_outputs,
    create_bidirectional_mask,
    create_causal_mask,
    dropout,
    get_tf_activation,
    keras_serializable,
    merge_with_config_defaults,
    shape_list,
    unpack_inputs,
)


class TFBertEmbeddings(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.word_embeddings = Embedding(
            config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id, name="word_embeddings"
        )
        self.position_embeddings = keras.layers.Embedding(
            config.max_position_embeddings, config.hidden_size, name="position_embeddings"
        )
        self.token_type_embeddings = keras.layers.Embedding(
            config.type_vocab_size, config.hidden_size, name="token_type_embeddings"
        )
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="LayerNorm")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob, name="dropout")
        self.position_ids = tf.range(config.max_position_embeddings, dtype=tf.int64)[None]

    def call(
        self,
        input_ids=None,
        token_type_ids=None,
        position_ids=None,
        inputs_embeds=None,
        past_key_values_length=0,
        training=False,
    ):
        input_shape = shape_list(input_ids) if input_ids is not None else shape_list(inputs_embeds)[:-1]
        if position_ids is None:
            position_ids = self.position_ids[:, past_key_values_length : input_shape[1] + past_key_values_length]
        if token_type_ids is None:
            token_type_ids = tf.zeros(input_shape, dtype=tf.int64)
        if inputs_embeds is None:
            inputs_embeds = self.word_embeddings(input_ids)
        embeddings = inputs_embeds + self.token_type_embeddings(token_type_ids)
        embeddings = embeddings + self.position_embeddings(position_ids)
        embeddings = self.LayerNorm(embeddings)
        return self.dropout(embeddings, training=training)

    def build(self, input_shape=None):
        self.word_embeddings.build((None, None))
        self.position_embeddings.build((None, None))
        self.token_type_embeddings.build((None, None))
        self.LayerNorm.build((None, None, self.config.hidden_size))


def eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout_rate=0.0, training=False):
    attn_weights = tf.matmul(query, key, transpose_b=True) * scaling
    if attention_mask is not None:
        attn_weights = attn_weights + attention_mask
    attn_weights = tf.nn.softmax(attn_weights, axis=-1)
    attn_weights = dropout(attn_weights, dropout_rate, training)
    attn_output = tf.matmul(attn_weights, value)
    return tf.transpose(attn_output, perm=[0, 2, 1, 3]), attn_weights


class TFBertSelfAttention(keras.layers.Layer):
    def __init__(self, config, layer_idx=None, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.layer_idx = layer_idx
        self.attention_head_size = config.hidden_size // config.num_attention_heads
        self.scaling = self.attention_head_size**-0.5
        self.query = keras.layers.Dense(config.hidden_size, name="query")
        self.key = keras.layers.Dense(config.hidden_size, name="key")
        self.value = keras.layers.Dense(config.hidden_size, name="value")
        self.dropout = keras.layers.Dropout(config.attention_probs_dropout_prob, name="dropout")

    def call(self, hidden_states, attention_mask=None, past_key_values=None, training=False):
        input_shape = shape_list(hidden_states)[:-1]
        hidden_shape = (*input_shape, -1, self.attention_head_size)
        query = tf.transpose(tf.reshape(self.query(hidden_states), hidden_shape), perm=[0, 2, 1, 3])
        key = tf.transpose(tf.reshape(self.key(hidden_states), hidden_shape), perm=[0, 2, 1, 3])
        value = tf.transpose(tf.reshape(self.value(hidden_states), hidden_shape), perm=[0, 2, 1, 3])
        if past_key_values is not None:
            key, value = past_key_values.update(key, value, self.layer_idx)
        attn_output, attn_weights = eager_attention_forward(
            self, query, key, value, attention_mask, self.scaling, self.dropout.rate, training
        )
        return tf.reshape(attn_output, (*input_shape, self.config.hidden_size)), attn_weights

    def build(self, input_shape=None):
        self.query.build((None, None, self.config.hidden_size))
        self.key.build((None, None, self.config.hidden_size))
        self.value.build((None, None, self.config.hidden_size))


class TFBertSelfOutput(keras.layers.Layer):
    def __init__(self, config, inputs=None, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.inputs = inputs or config.hidden_size
        self.dense = keras.layers.Dense(config.hidden_size, name="dense")
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="LayerNorm")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob, name="dropout")

    def call(self, hidden_states, input_tensor, training=False):
        hidden_states = self.dropout(self.dense(hidden_states), training=training)
        return self.LayerNorm(hidden_states + input_tensor)

    def build(self, input_shape=None):
        self.dense.build((None, None, self.inputs))
        self.LayerNorm.build((None, None, self.config.hidden_size))


class TFBertAttention(keras.layers.Layer):
    def __init__(self, config, layer_idx=None, **kwargs):
        super().__init__(**kwargs)
        self.self = TFBertSelfAttention(config, layer_idx=layer_idx, name="self")
        self.output_ = TFBertSelfOutput(config, name="output")

    def call(self, hidden_states, attention_mask=None, past_key_values=None, training=False):
        attention_output, attn_weights = self.self(
            hidden_states, attention_mask=attention_mask, past_key_values=past_key_values, training=training
        )
        return self.output_(attention_output, hidden_states, training=training), attn_weights

    def build(self, input_shape=None):
        self.self.build()
        self.output_.build()


class TFBertIntermediate(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.intermediate_size, name="dense")
        self.intermediate_act_fn = get_tf_activation(config.hidden_act)

    def call(self, hidden_states):
        return self.intermediate_act_fn(self.dense(hidden_states))

    def build(self, input_shape=None):
        self.dense.build((None, None, self.config.hidden_size))


class TFBertLayer(TFGradientCheckpointingLayer):
    def __init__(self, config, layer_idx=None, **kwargs):
        super().__init__(**kwargs)
        self.attention = TFBertAttention(config, layer_idx=layer_idx, name="attention")
        self.intermediate = TFBertIntermediate(config, name="intermediate")
        self.output_ = TFBertSelfOutput(config, inputs=config.intermediate_size, name="output")

    def call(self, hidden_states, attention_mask=None, past_key_values=None, training=False):
        attention_output, _ = self.attention(
            hidden_states, attention_mask, past_key_values=past_key_values, training=training
        )
        return self.output_(self.intermediate(attention_output), attention_output, training=training)

    def build(self, input_shape=None):
        self.attention.build()
        self.intermediate.build()
        self.output_.build()


class TFBertEncoder(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.layer = [TFBertLayer(config, layer_idx=i, name=f"layer.{i}") for i in range(config.num_hidden_layers)]

    def call(self, hidden_states, attention_mask=None, past_key_values=None, training=False):
        for layer_module in self.layer:
            hidden_states = layer_module(
                hidden_states, attention_mask, past_key_values=past_key_values, training=training
            )
        return hidden_states

    def build(self, input_shape=None):
        for layer in self.layer:
            layer.build()


class TFBertPooler(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.hidden_size, name="dense")

    def call(self, hidden_states):
        return tf.tanh(self.dense(hidden_states[:, 0]))

    def build(self, input_shape=None):
        self.dense.build((None, self.config.hidden_size))


class TFBertPredictionHeadTransform(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.hidden_size, name="dense")
        self.transform_act_fn = get_tf_activation(config.hidden_act)
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="LayerNorm")

    def call(self, hidden_states):
        return self.LayerNorm(self.transform_act_fn(self.dense(hidden_states)))

    def build(self, input_shape=None):
        self.dense.build((None, None, self.config.hidden_size))
        self.LayerNorm.build((None, None, self.config.hidden_size))


class TFBertLMPredictionHead(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.transform = TFBertPredictionHeadTransform(config, name="transform")
        self.decoder = TiedDense(config.vocab_size, name="decoder")

    def call(self, hidden_states):
        return self.decoder(self.transform(hidden_states))

    def build(self, input_shape=None):
        self.transform.build()
        self.decoder.build((None, None, self.config.hidden_size))
        self.bias = self.add_weight(name="bias", shape=(self.config.vocab_size,), initializer="zeros")


class TFBertOnlyMLMHead(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.predictions = TFBertLMPredictionHead(config, name="predictions")

    def call(self, sequence_output):
        return self.predictions(sequence_output)

    def build(self, input_shape=None):
        self.predictions.build()


class TFBertPreTrainedModel(TFPreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "bert"
    _can_record_outputs = {"hidden_states": TFBertLayer, "attentions": TFBertSelfAttention}  # noqa: RUF012


@keras_serializable
class TFBertMainLayer(keras.layers.Layer):
    config_class = BertConfig
    _can_record_outputs = TFBertPreTrainedModel._can_record_outputs

    def __init__(self, config, add_pooling_layer=True, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.embeddings = TFBertEmbeddings(config, name="embeddings")
        self.encoder = TFBertEncoder(config, name="encoder")
        self.pooler = TFBertPooler(config, name="pooler") if add_pooling_layer else None

    def get_input_embeddings(self):
        return self.embeddings.word_embeddings

    @unpack_inputs
    @merge_with_config_defaults
    @capture_outputs
    def call(
        self,
        input_ids=None,
        attention_mask=None,
        token_type_ids=None,
        position_ids=None,
        inputs_embeds=None,
        past_key_values=None,
        use_cache=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        if self.config.is_decoder:
            use_cache = use_cache if use_cache is not None else self.config.use_cache
        else:
            use_cache = False
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        past_length = past_key_values.get_seq_length() if past_key_values is not None else 0
        embedding_output = self.embeddings(
            input_ids,
            token_type_ids,
            position_ids,
            inputs_embeds,
            past_key_values_length=past_length,
            training=training,
        )
        if self.config.is_decoder:
            attention_mask = create_causal_mask(
                config=self.config,
                inputs_embeds=embedding_output,
                attention_mask=attention_mask,
                past_key_values=past_key_values,
            )
        else:
            attention_mask = create_bidirectional_mask(
                config=self.config, inputs_embeds=embedding_output, attention_mask=attention_mask
            )
        sequence_output = self.encoder(
            embedding_output, attention_mask, past_key_values=past_key_values, training=training
        )
        pooled_output = self.pooler(sequence_output) if self.pooler is not None else None
        return TFBaseModelOutputWithPoolingAndCrossAttentions(
            last_hidden_state=sequence_output, pooler_output=pooled_output, past_key_values=past_key_values
        )

    def build(self, input_shape=None):
        self.embeddings.build()
        self.encoder.build()
        if self.pooler is not None:
            self.pooler.build()


class TFBertModel(TFBertPreTrainedModel):
    def __init__(self, config, add_pooling_layer=True, *inputs, **kwargs):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, add_pooling_layer, name="bert")
        self.post_init()

    @unpack_inputs
    def call(
        self,
        input_ids=None,
        attention_mask=None,
        token_type_ids=None,
        position_ids=None,
        inputs_embeds=None,
        past_key_values=None,
        use_cache=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        return self.bert(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            past_key_values=past_key_values,
            use_cache=use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=return_dict,
            training=training,
        )

    def build(self, input_shape=None):
        self.bert.build()


class TFBertForMaskedLM(TFBertPreTrainedModel):
    _tied_weights_keys = {  # noqa: RUF012
        "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
        "cls.predictions.decoder.bias": "cls.predictions.bias",
    }

    def __init__(self, config, *inputs, **kwargs):
        super().__init__(config, *inputs, **kwargs)
        self.bert = TFBertMainLayer(config, add_pooling_layer=False, name="bert")
        self.cls = TFBertOnlyMLMHead(config, name="cls")
        self.post_init()

    def get_output_embeddings(self):
        return self.cls.predictions.decoder

    @unpack_inputs
    def call(
        self,
        input_ids=None,
        attention_mask=None,
        token_type_ids=None,
        position_ids=None,
        inputs_embeds=None,
        labels=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
        training=False,
    ):
        outputs = self.bert(
            input_ids,
            attention_mask=attention_mask,
            token_type_ids=token_type_ids,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
            training=training,
        )
        prediction_scores = self.cls(outputs[0])
        masked_lm_loss = None
        if labels is not None:
            masked_lm_loss = self.loss_function(prediction_scores, labels, self.config.vocab_size)
        return TFMaskedLMOutput(
            loss=masked_lm_loss,
            logits=prediction_scores,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )

    def build(self, input_shape=None):
        self.bert.build()
        self.cls.build()
        self.tie_weights()


class TFBertForSequenceClassification(TFGenericForSequenceClassification, TFBertPreTrainedModel):
    main_layer_class = TFBertMainLayer


class TFBertForTokenClassification(TFGenericForTokenClassification, TFBertPreTrainedModel):
    main_layer_class = TFBertMainLayer


class TFBertForQuestionAnswering(TFGenericForQuestionAnswering, TFBertPreTrainedModel):
    main_layer_class = TFBertMainLayer
