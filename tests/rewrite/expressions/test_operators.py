"""TensorFlow does not promote dtypes: what PyTorch promotes is cast where it happens."""


def test_an_integer_tensor_times_a_float_number(tiny):
    assert "tf.cast(positions, tf.float32) * 0.5" in tiny.text("TFTinyEmbeddings.call")


def test_adding_in_place_keeps_the_targets_dtype(tiny):
    call = tiny.text("TFTinyEmbeddings.call")
    assert "hidden_states += tf.cast(tf.cast((input_ids > 3)[:, :, None], tf.int64), hidden_states.dtype)" in call


def test_what_has_one_dtype_is_not_cast(tiny):
    assert "return hidden_states + self.ramp" in tiny.text("TFTinyEmbeddings.call")
    assert "hidden_states if shift is None else hidden_states + shift" in tiny.text("TFTinyShifted.call")
