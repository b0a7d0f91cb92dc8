"""TensorFlow does not promote dtypes: what PyTorch promotes is cast where it happens."""

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model


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


def test_a_tensor_that_had_several_dtypes_is_cast(tmp_path):
    classes = """
class Masked(nn.Module):
    def __init__(self, config):
        super().__init__()

    def add(self, x, mask):
        return x + mask[None, :, None]

    def forward(self, x):
        ones = torch.ones(x.shape[1])
        return self.add(x, ones) + self.add(x, ones.long())
"""
    ported = port(summed_model("dtypes", classes, {"masked": "Masked"}, "x", tmp_path), tmp_path / "port")
    assert "x + tf.cast(mask[None, :, None], x.dtype)" in ported.text("TFMasked.add")


def test_what_rules_make_of_a_tensor_that_had_several_dtypes_is_a_float(tmp_path):
    classes = """
class Counted(nn.Module):
    def __init__(self, config):
        super().__init__()

    def mean(self, x, mask):
        count = mask.sum()
        joined = torch.stack([mask, mask * 0.5])
        enough = count > 0.5
        return x / count.clamp_min(1.0) + torch.exp(mask)[:, None] + joined.sum() + enough

    def forward(self, x):
        ones = torch.ones(x.shape[1])
        return self.mean(x, ones) + self.mean(x, ones.long())
"""
    ported = port(summed_model("counted", classes, {"counted": "Counted"}, "x", tmp_path), tmp_path / "port")
    (found,) = verify(ported.subject, ported.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert "tf.maximum(tf.cast(count, tf.float32), 1.0)" in ported.text("TFCounted.mean")
