"""A class that inherits from a layer of torch and hands its options on to it."""

import pytest

from porter.port.verify import verify
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

LAYERS = """

class Scaled(nn.Linear):
    def __init__(self, in_features, out_features, scale=2.0, **kwargs):
        super().__init__(in_features, out_features, **kwargs)
        self.scale = scale

    def forward(self, x):
        return super().forward(x) * self.scale


class Pair(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.first = Scaled(config.hidden_size, config.hidden_size, bias=False)
        self.second = Scaled(config.hidden_size, config.hidden_size, scale=0.5)
        block = nn.TransformerEncoderLayer(config.hidden_size, 2, 16, batch_first=True)
        self.last = nn.TransformerEncoder(block, 1, norm=nn.LayerNorm(config.hidden_size), enable_nested_tensor=False)

    def forward(self, x, ids):
        return self.last(self.second(self.first(x)))
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    return port(summed_model("pair", LAYERS, {"pair": "Pair"}, "x, input_ids", folder), folder / "port")


def test_options_that_some_call_gives_reach_the_layer_of_torch(pair):
    constructor = pair.text("TFScaled.__init__")
    assert 'super().__init__(out_features, use_bias=kwargs.pop("bias", True), **kwargs)' in constructor
    assert pair.messages("left") == []


def test_a_layer_among_the_arguments_of_another_is_not_kept_by_the_class(pair):
    assert "norm=built(keras.layers.LayerNormalization(" in pair.text("TFPair.__init__")


def test_it_computes_what_pytorch_computes(pair):
    (found,) = verify(pair.subject, pair.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
