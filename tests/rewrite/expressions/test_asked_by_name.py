"""Attributes of layers that are asked for by their names, which Keras calls otherwise."""

from porter.port.verify import verify
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

CLASSES = """
class Lengths(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv1d(8, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Conv1d(8, 8, 1)])

    def length_after(self, length, layer: nn.Conv1d):
        if hasattr(layer, "stride") and layer.stride != (1,):
            return (length + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1
        return length

    def forward(self, x):
        y, length = x.transpose(1, 2), torch.full((x.shape[0],), x.shape[1] - 1)
        for layer in self.layers:
            y = layer(y)
            step = getattr(layer, "stride", (1,))[0]
            if isinstance(layer, nn.Conv1d):
                length = self.length_after(length, layer)
                y = y * (torch.arange(y.shape[2]) < length[:, None])[:, None] * step
                y = y + getattr(layer, "weight").sum() * hasattr(layer, "nothing")
        return x + y.sum(-1)[:, None]
"""


def test_they_are_asked_for_by_keras_names(tmp_path):
    ported = port(summed_model("by_name", CLASSES, {"lengths": "Lengths"}, "x", tmp_path), tmp_path / "port")
    (found,) = verify(ported.subject, ported.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert 'hasattr(layer, "strides")' in ported.text("TFLengths.length_after")
    call = ported.text("TFLengths.call")
    assert 'getattr(layer, "strides", (1,))[0]' in call and 'hasattr(layer, "nothing")' in call
    assert "tf.reduce_sum(tf.transpose(layer.kernel, perm=[2, 1, 0]))" in call
