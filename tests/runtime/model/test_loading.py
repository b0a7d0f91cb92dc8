"""How the weights of a port lie, told to whoever compares them."""

import keras
import numpy as np
from transformers import BertForMaskedLM

from porter.runtime.model.loading import weight_axes
from porter.runtime.model.names import named_variables
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config


def test_every_weight_of_a_port_has_its_axes_by_all_its_names():
    model = ported.TFBertForMaskedLM.from_config(config())
    axes = weight_axes(model)
    variables = {name: entry.variable for name, entry in named_variables(model).items()}
    for name, tensor in BertForMaskedLM(config()).state_dict(keep_vars=True).items():
        if name in variables:
            assert np.transpose(tensor.detach().numpy(), axes[name]).shape == tuple(variables[name].shape)
    assert axes["bert.encoder.layer.0.attention.self.query.weight"] == (1, 0)
    assert axes["bert.embeddings.word_embeddings.weight"] == (0, 1)


def test_of_a_model_by_hand_nothing_is_known():
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(4)])
    assert weight_axes(model) == {}
