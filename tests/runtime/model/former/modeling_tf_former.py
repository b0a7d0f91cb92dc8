"""A model as porter wrote it when constructors named their layers, and what it saved then lies beside."""

import keras
import tensorflow as tf
from transformers import BertConfig

from porter.runtime import Sequential, TFPreTrainedModel, built


class TFFormerBlock(keras.layers.Layer):
    def __init__(self, config, **kwargs):
        super().__init__(**kwargs)
        self.config = config
        self.dense = keras.layers.Dense(config.hidden_size, name="dense")

    def call(self, x):
        return x + tf.tanh(self.dense(x))

    def build(self, input_shape=None):
        self.dense.build((None, None, self.config.hidden_size))


class TFFormerModel(TFPreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "former"

    def __init__(self, config, **kwargs):
        super().__init__(config, **kwargs)
        size = config.hidden_size
        self.layers_ = [TFFormerBlock(config, name=f"layers.{i}") for i in range(2)]
        self.stages = [
            Sequential([TFFormerBlock(config, name=f"stages.{i}.{j}") for j in range(2)], name=f"stages.{i}")
            for i in range(1)
        ]
        self.output_ = Sequential(
            [
                built(keras.layers.Dense(2, name="output.0"), (None, None, size)),
                keras.layers.Activation("tanh", name="output.1"),
            ],
            name="output",
        )
        self.post_init()

    def call(self, x):
        for layer in (*self.layers_, *self.stages):
            x = layer(x)
        return self.output_(x)

    def build(self, input_shape=None):
        if self.built:
            return
        for layer in self.layers_:
            layer.build(None)
        for layer in self.stages:
            layer.build(None)
