import numpy as np

from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import IDS, config


def test_shapes_are_shown_and_leave_nothing_behind():
    model = ported.TFBertForMaskedLM.from_config(config())
    expected = model(IDS).logits
    lines = []
    model.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "(None, None, 32)" in text
    assert "(None, None, 99)" in text
    assert f"Total params: {model.num_parameters():,}" in text

    assert not any(hasattr(layer, "output_shape") for layer in model._flatten_layers(include_self=False))
    np.testing.assert_array_equal(model(IDS).logits, expected)


def test_what_has_no_usual_input_is_shown_as_keras_shows_it():
    class TFOdd(ported.TFBertModel):
        def call(self, curvature, training=False):
            return curvature

    lines = []
    TFOdd.from_config(config()).summary(print_fn=lines.append)
    assert "bert" in "\n".join(lines)


def test_a_model_that_is_not_built():
    lines = []
    ported.TFBertModel(config()).summary(print_fn=lines.append)
    assert "bert" in "\n".join(lines)
