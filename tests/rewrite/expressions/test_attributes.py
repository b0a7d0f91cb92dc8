"""Names that Keras keeps for itself."""


def test_a_layer_called_output_keeps_its_name_only(tiny):
    code = tiny.text("TFTinyLayer")
    assert "self.output_ = keras.layers.Dense(config.hidden_size)" in code
    assert "self.output_(hidden_states)" in code
    assert "self.output_.build(" in code
    assert "self.output." not in code


def test_an_argument_called_mask_is_renamed_where_it_is_read_too(tiny):
    assert "mask" in tiny.original("TinyLayer.forward")
    call = tiny.text("TFTinyLayer.call")
    assert "attention_mask: tf.Tensor | None = None" in call
    assert " mask" not in call.replace("attention_mask", "")
    assert "shift=attention_mask" in call


def test_layers_is_free_on_a_main_layer_but_not_on_a_model(tiny):
    assert "self.layers = [" in tiny.text("TFTinyMainLayer.__init__")
    assert "self.layers" not in tiny.text("TFTinyModel")
