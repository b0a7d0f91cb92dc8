"""The encoder of tiny_torch.py as somebody would port it by hand: other names, fewer levels, tuples as results."""

import keras
import tensorflow as tf


class TFTinyAttention(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.n_heads = config.heads
        self.dim_per_head = config.hidden // config.heads
        self.q_lin = keras.layers.Dense(config.hidden, name="q_lin")
        self.k_lin = keras.layers.Dense(config.hidden, name="k_lin")
        self.v_lin = keras.layers.Dense(config.hidden, name="v_lin")
        self.out_lin = keras.layers.Dense(config.hidden, name="out_lin")

    def split_heads(self, x):
        x = tf.reshape(x, (tf.shape(x)[0], -1, self.n_heads, self.dim_per_head))
        return tf.transpose(x, perm=(0, 2, 1, 3))

    def call(self, hidden, mask_bias, head_mask=None, output_attentions=False, training=False):
        q = self.split_heads(self.q_lin(hidden))
        k = self.split_heads(self.k_lin(hidden))
        v = self.split_heads(self.v_lin(hidden))
        q = q * tf.cast(self.dim_per_head, q.dtype) ** -0.5
        weights = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) + mask_bias, axis=-1)
        context = tf.transpose(tf.matmul(weights, v), perm=(0, 2, 1, 3))
        context = self.out_lin(tf.reshape(context, tf.shape(hidden)))
        return (context, weights) if output_attentions else (context,)


class TFTinyBlock(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.attention = TFTinyAttention(config, name="attention")
        self.sa_layer_norm = keras.layers.LayerNormalization(epsilon=config.eps, name="sa_layer_norm")
        self.lin1 = keras.layers.Dense(config.inner, name="lin1")
        self.lin2 = keras.layers.Dense(config.hidden, name="lin2")
        self.output_layer_norm = keras.layers.LayerNormalization(epsilon=config.eps, name="output_layer_norm")
        self.approximate = False

    def call(self, x, mask_bias, training=False):
        sa_output = self.attention(x, mask_bias, training=training)[0]
        sa_output = self.sa_layer_norm(sa_output + x)
        ffn_output = self.lin1(sa_output)
        ffn_output = tf.nn.gelu(ffn_output, approximate=self.approximate)
        ffn_output = self.lin2(ffn_output)
        ffn_output = self.output_layer_norm(ffn_output + sa_output)
        return (ffn_output,)


class TFTinyTransformer(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.blocks = [TFTinyBlock(config, name=f"layer_._{i}") for i in range(config.layers)]

    def call(self, x, mask_bias, training=False):
        for block in self.blocks:
            x = block(x, mask_bias, training=training)[0]
        return (x,)


class TFTinyMainLayer(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.word = keras.layers.Embedding(config.vocab, config.hidden, name="word")
        self.place = keras.layers.Embedding(config.positions, config.hidden, name="place")
        self.norm = keras.layers.LayerNormalization(epsilon=config.eps, name="norm")
        self.transformer = TFTinyTransformer(config, name="transformer")
        self.pool = keras.layers.Dense(config.hidden, activation="tanh", name="pool")

    def call(self, input_ids, attention_mask, training=False):
        x = self.norm(self.word(input_ids) + self.place(tf.range(tf.shape(input_ids)[1])[None]))
        bias = (1.0 - tf.cast(attention_mask[:, None, None, :], x.dtype)) * -1e9
        x = self.transformer(x, bias, training=training)[0]
        return {"last_hidden_state": x, "pooler_output": self.pool(x[:, 0])}


class TFTinyModel(keras.Model):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.distil = TFTinyMainLayer(config, name="distil")

    def call(self, inputs, training=False):
        return self.distil(inputs["input_ids"], inputs["attention_mask"], training=training)


NAMES = {
    "attention.self.query": "attention.q_lin", "attention.self.key": "attention.k_lin",
    "attention.self.value": "attention.v_lin", "attention.output.dense": "attention.out_lin",
    "attention.output.LayerNorm": "sa_layer_norm", "intermediate.dense": "lin1", "output.dense": "lin2",
    "output.LayerNorm": "output_layer_norm",
}  # fmt: skip


def load_from(model, state):
    main = model.distil
    layers = {
        "embeddings.word_embeddings": main.word, "embeddings.position_embeddings": main.place,
        "embeddings.LayerNorm": main.norm, "pooler.dense": main.pool,
    }  # fmt: skip
    for number, block in enumerate(main.transformer.blocks):
        for name, path in NAMES.items():
            layer = block
            for part in path.split("."):
                layer = getattr(layer, part)
            layers[f"encoder.layer.{number}.{name}"] = layer
    for name, layer in layers.items():
        values = [state[f"{name}.weight"], *([state[f"{name}.bias"]] if f"{name}.bias" in state else [])]
        if isinstance(layer, keras.layers.Dense):
            values[0] = values[0].T
        layer.set_weights(values)
