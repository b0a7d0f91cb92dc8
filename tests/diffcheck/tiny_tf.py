"""The encoder of tiny_torch.py in Keras, with PyTorch's names as a generated port has them."""

import math

import keras
import tensorflow as tf


class TFEmbeddings(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.word_embeddings = keras.layers.Embedding(config.vocab, config.hidden, name="word_embeddings")
        self.position_embeddings = keras.layers.Embedding(config.positions, config.hidden, name="position_embeddings")
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.eps, name="LayerNorm")

    def call(self, input_ids):
        positions = tf.range(tf.shape(input_ids)[1])[None]
        embeddings = self.word_embeddings(input_ids) + self.position_embeddings(positions)
        return self.LayerNorm(embeddings)

    def build(self, input_shape=None):
        self.word_embeddings.build(None)
        self.position_embeddings.build(None)
        self.LayerNorm.build((None, None, self.config.hidden))


class TFSelfAttention(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.hidden = config.hidden
        self.heads, self.size = config.heads, config.hidden // config.heads
        self.query = keras.layers.Dense(config.hidden, name="query")
        self.key = keras.layers.Dense(config.hidden, name="key")
        self.value = keras.layers.Dense(config.hidden, name="value")

    def split(self, x):
        shape = tf.shape(x)
        return tf.transpose(tf.reshape(x, (shape[0], shape[1], self.heads, self.size)), perm=[0, 2, 1, 3])

    def call(self, hidden_states, attention_mask=None):
        query, key, value = (self.split(layer(hidden_states)) for layer in (self.query, self.key, self.value))
        scores = tf.matmul(query, key, transpose_b=True) / math.sqrt(self.size)
        if attention_mask is not None:
            scores = scores + attention_mask
        probs = tf.nn.softmax(scores, axis=-1)
        context = tf.transpose(tf.matmul(probs, value), perm=[0, 2, 1, 3])
        context = tf.reshape(context, tf.shape(hidden_states))
        return context, probs

    def build(self, input_shape=None):
        for layer in (self.query, self.key, self.value):
            layer.build((None, None, self.hidden))


class TFSelfOutput(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.hidden, name="dense")
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.eps, name="LayerNorm")

    def call(self, hidden_states, input_tensor):
        hidden_states = self.dense(hidden_states)
        hidden_states = self.LayerNorm(hidden_states + input_tensor)
        return hidden_states

    def build(self, input_shape=None):
        self.dense.build((None, None, self.config.hidden))
        self.LayerNorm.build((None, None, self.config.hidden))


class TFAttention(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.self = TFSelfAttention(config, name="self")
        self.output_ = TFSelfOutput(config, name="output")

    def call(self, hidden_states, attention_mask=None):
        context, probs = self.self(hidden_states, attention_mask=attention_mask)
        attention_output = self.output_(context, hidden_states)
        return attention_output, probs

    def build(self, input_shape=None):
        self.self.build()
        self.output_.build()


class TFIntermediate(keras.layers.Layer):
    def __init__(self, config, approximate=False, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.approximate = config.hidden, approximate
        self.dense = keras.layers.Dense(config.inner, name="dense")

    def call(self, hidden_states):
        hidden_states = self.dense(hidden_states)
        hidden_states = tf.nn.gelu(hidden_states, approximate=self.approximate)
        return hidden_states

    def build(self, input_shape=None):
        self.dense.build((None, None, self.hidden))


class TFOutput(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.hidden, name="dense")
        self.LayerNorm = keras.layers.LayerNormalization(epsilon=config.eps, name="LayerNorm")

    def call(self, hidden_states, input_tensor):
        hidden_states = self.dense(hidden_states)
        hidden_states = self.LayerNorm(hidden_states + input_tensor)
        return hidden_states

    def build(self, input_shape=None):
        self.dense.build((None, None, self.config.inner))
        self.LayerNorm.build((None, None, self.config.hidden))


class TFLayer(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.attention = TFAttention(config, name="attention")
        self.intermediate = TFIntermediate(config, name="intermediate")
        self.output_ = TFOutput(config, name="output")

    def call(self, hidden_states, attention_mask=None):
        attention_output, _ = self.attention(hidden_states, attention_mask)
        intermediate_output = self.intermediate(attention_output)
        layer_output = self.output_(intermediate_output, attention_output)
        return layer_output

    def build(self, input_shape=None):
        self.attention.build()
        self.intermediate.build()
        self.output_.build()


class TFEncoder(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.layer = [TFLayer(config, name=f"layer.{i}") for i in range(config.layers)]

    def call(self, hidden_states, attention_mask=None):
        for layer in self.layer:
            hidden_states = layer(hidden_states, attention_mask)
        return hidden_states

    def build(self, input_shape=None):
        for layer in self.layer:
            layer.build()


class TFPooler(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.hidden = config.hidden
        self.dense = keras.layers.Dense(config.hidden, name="dense")

    def call(self, hidden_states):
        first_token = hidden_states[:, 0]
        return tf.tanh(self.dense(first_token))

    def build(self, input_shape=None):
        self.dense.build((None, self.hidden))


class TFMainLayer(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.embeddings = TFEmbeddings(config, name="embeddings")
        self.encoder = TFEncoder(config, name="encoder")
        self.pooler = TFPooler(config, name="pooler")

    def call(self, input_ids, attention_mask):
        hidden_states = self.embeddings(input_ids)
        mask = (1.0 - tf.cast(attention_mask[:, None, None, :], hidden_states.dtype)) * tf.float32.min
        hidden_states = self.encoder(hidden_states, mask)
        return {"last_hidden_state": hidden_states, "pooler_output": self.pooler(hidden_states)}

    def build(self, input_shape=None):
        self.embeddings.build()
        self.encoder.build()
        self.pooler.build()


class TFModel(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.tiny = TFMainLayer(config, name="tiny")

    def call(self, input_ids, attention_mask, training=False):
        return self.tiny(input_ids, attention_mask)

    def build(self, input_shape=None):
        self.tiny.build()
