"""What constructors fill: the plain modules of the module tests and of `test_filled_weights`."""

from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

CLASSES = """
class Filled(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.hidden_size, config.hidden_size)
        self.apply(self._fill)
        self.reset_parameters()

    def _fill(self, module):
        if isinstance(module, nn.Linear):
            nn.init.ones_(module.bias)

    def reset_parameters(self):
        nn.init.zeros_(self.layer.weight)

    def forward(self, x):
        return self.layer(x)


class More(Filled):
    def __init__(self, config):
        super().__init__(config)
        self.gain = nn.Parameter(torch.zeros(config.hidden_size))
        self.fill_gain()

    def fill_gain(self):
        nn.init.constant_(self.gain, 3.0)

    def forward(self, x):
        return super().forward(x) * self.gain


class Plain(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x):
        return self.layer(x)
"""


def test_constructors_fill_when_weights_exist(tmp_path):
    layers = {"more": "More", "plain": "Plain"}
    ported = port(summed_model("constructed", CLASSES, layers, "x", tmp_path), tmp_path / "port")
    own = ported.text("TFFilled.fill_weights")
    assert own.index("apply(self, self._fill)") < own.index("self.reset_parameters()")
    assert "self.apply" not in ported.text("TFFilled.__init__")
    more = ported.text("TFMore.fill_weights")
    assert more.index("super().fill_weights()") < more.index("self.fill_gain()")
    assert "fill_weights" not in ported.text("TFPlain")
    module = ported.module()
    model = module.TFSummedModel(module.TinyConfig())
    model.build()
    assert (model.more.gain.numpy() == 3).all()
