"""Functions that give weights their initial values, in a plain module with the habits of its kind."""

import importlib

import pytest

from porter.rewrite.expressions.filled_weights import FILLS
from porter.runtime.model import init
from porter.testing.fresh_weights import compared
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

CLASSES = '''
import math


def fill_child(module, std):
    """Fill one layer."""
    nn.init.normal_(module.weight, std=std)
    if hasattr(module, "bias") and module.bias is not None:
        nn.init.constant_(tensor=module.bias, val=0.5)


class Own(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.table = nn.Parameter(torch.empty(64, config.hidden_size))
        self.rows = nn.Parameter(torch.empty(5, config.hidden_size))
        self.scale = nn.Parameter(torch.empty(config.hidden_size))
        self.drawn = nn.Parameter(torch.randn(40, config.hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        fan_in, _ = nn.init._calculate_fan_in_and_fan_out(self.table)
        bound = 1 / math.sqrt(fan_in)
        with torch.no_grad():
            self.table.uniform_(-bound, to=bound)
        for name, p in self.named_parameters():
            if name == "scale":
                p.data.fill_(0.25)
            elif p.dim() > 1 and p.size(0) == 5:
                p.data.zero_()
        nn.init.ones_(self.rows[1])
        self.rows.data[2] = 2.0

    def forward(self, x):
        return x * self.scale + self.table.sum(0) + self.rows.sum(0) + self.drawn.sum(0)


class Applied(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.width = config.hidden_size
        self.layers = nn.ModuleList([nn.Linear(config.hidden_size, config.hidden_size) for _ in range(2)])
        self.gain = nn.Parameter(torch.ones(config.hidden_size))
        self.apply(self._fill)

    def _fill(self, module):
        if isinstance(module, nn.Linear):
            fill_child(module, 0.5 / math.sqrt(2 * self.width))
            nn.init.zeros_(module.weight[0])
            module.bias.data = torch.arange(module.weight.shape[0]).float()
            module.weight.data.mul_(3.0)
        elif isinstance(module, Applied):
            module.gain.data.normal_(mean=2.0, std=0.01)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x * self.gain


class Named(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.hidden_size, config.hidden_size)
        self.reset_parameters()

    def reset_parameters(self):
        if "Linear" in self.layer.__class__.__name__:
            nn.init.zeros_(self.layer.bias)

    def forward(self, x):
        return self.layer(x)
'''


def test_every_function_of_the_runtime_is_known():
    own = {name for name, value in vars(init).items() if getattr(value, "__module__", "") == init.__name__}
    assert {name for name in own if not name.startswith("_")} == FILLS


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    layers = {"own": "Own", "applied": "Applied", "named": "Named"}
    folder = tmp_path_factory.mktemp("filled")
    return port(summed_model("filled", CLASSES, layers, "x", folder), folder / "port")


def test_lines_stay_lines(ported):
    text = ported.text("TFOwn.reset_parameters")
    assert "fan_in, _ = init.calculate_fan_in_and_fan_out(self.table)" in text
    assert "init.uniform_(self.table, -bound, b=bound)" in text
    assert "for name, p in named_parameters(self):" in text
    assert "init.constant_(p, 0.25)" in text
    assert 'init.ones_(parameter(self, "rows")[1])' in text
    assert 'parameter(self, "rows")[2] = 2.0' in text
    assert 'if parameter(module, "bias") is not None:' in ported.text("fill_child")
    text = ported.text("TFApplied._fill")
    assert "if isinstance(module, keras.layers.Dense):" in text
    assert "    init.normal_(module.gain, mean=2.0, std=0.01)" in text
    assert 'init.copy_(parameter(module, "weight"), parameter(module, "weight") * 3.0)' in text


def test_what_cannot_be_ported_is_named_and_left_out(ported):
    assert "reset_parameters" not in ported.text("TFNamed")
    (message,) = [each for each in ported.messages("assumed") if "Named.reset_parameters" in each]
    assert "is not ported, line" in message
    assert "what PyTorch calls a class is asked for" in message
    assert ported.messages("left") == []


def test_fresh_weights_are_pytorchs(ported):
    """transformers fills dense layers anew at the end, in both."""
    original, module = importlib.import_module(ported.subject.module_name), ported.module()
    config = original.SummedModel.config_class
    found = compared(lambda: original.SummedModel(config()), lambda: module.TFSummedModel.from_config(config()))
    assert found.differing == {}
    assert {"own.table", "own.rows", "own.scale", "own.drawn", "applied.gain"} <= set(found.tensors)
