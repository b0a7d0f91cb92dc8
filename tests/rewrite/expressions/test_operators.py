"""TensorFlow does not promote dtypes: what PyTorch promotes is cast where it happens."""

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies


def test_an_integer_tensor_times_a_float_number(tiny):
    assert "tf.cast(positions, tf.float32) * 0.5" in tiny.text("TFTinyEmbeddings.call")


def test_adding_in_place_keeps_the_targets_dtype(tiny):
    call = tiny.text("TFTinyEmbeddings.call")
    assert "hidden_states += tf.cast(tf.cast((input_ids > 3)[:, :, None], tf.int64), hidden_states.dtype)" in call


def test_what_has_one_dtype_is_not_cast(tiny):
    assert "return hidden_states + self.ramp" in tiny.text("TFTinyEmbeddings.call")
    assert "hidden_states if shift is None else hidden_states + shift" in tiny.text("TFTinyShifted.call")


def test_flags_and_bytes_are_bytes_as_in_pytorch(tmp_path):
    body = "flags = ids > 3\nodd = flags & (ids % 2).type(torch.ByteTensor)\nreturn x + odd[:, :, None]"
    ported = port_bodies("flags", {"Flags": body}, tmp_path)
    (found,) = verify(ported.subject, ported.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert "tf.cast(flags, tf.uint8) & " in ported.text("TFFlags.call")
