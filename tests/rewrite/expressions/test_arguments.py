"""Keywords that are handed on to whatever layer stands inside: some take them, some do not."""

import pytest

from porter.port.verify import verify
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

LAYERS = """

class Scaled(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x, mask=None):
        x = self.dense(x)
        return x if mask is None else x * mask[..., None]


class Plain(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, x):
        return torch.tanh(self.dense(x))


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x, **kwargs):
        return self.inner(x, **kwargs) + x


class Stack(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.first = Around(Scaled(config))
        self.second = Around(Plain(config))
        self.third = Around(nn.Sequential(nn.Linear(config.hidden_size, config.hidden_size), nn.Dropout(0.1)))

    def forward(self, x, ids):
        x = self.first(x, mask=(ids > 10).float())
        return self.third(self.second(x))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    return port(summed_model("stack", LAYERS, {"stack": "Stack"}, "x, input_ids", folder), folder / "port")


def test_a_layer_gets_those_keywords_that_it_takes(stack):
    call = stack.text("TFAround.call")
    assert "def call(self, x, attention_mask=None, training" in call
    assert '**taken_by(self.inner, {"attention_mask": attention_mask})' in call


def test_it_computes_what_pytorch_computes(stack):
    (found,) = verify(stack.subject, stack.module())
    assert found.matches


NECKS = """

class Neck(nn.Module):
    def forward(self, maps):
        return [torch.tanh(each) for each in maps]


class Levels(nn.Module):
    def __init__(self, config, with_neck):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(config.hidden_size, config.hidden_size) for _ in range(3)])
        self.neck = Neck() if with_neck else nn.Identity()

    def forward(self, x, count):
        maps = ()
        for layer in self.layers[:count]:
            x = layer(x)
            maps += (x,)
        maps = self.neck(maps)
        return sum(maps)


class Necks(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.one = Levels(config, True)
        self.other = Levels(config, False)

    def forward(self, x):
        return self.one(x, 3) + self.other(x, 2)
"""


def test_what_an_identity_may_be_given_goes_by_position(tmp_path):
    necks = port(summed_model("necks", NECKS, {"necks": "Necks"}, "x", tmp_path), tmp_path / "port")
    assert "maps = self.neck(maps)" in necks.text("TFLevels.call")
    (found,) = verify(necks.subject, necks.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)


def test_an_identity_that_no_run_has_seen_counts_as_well(tmp_path):
    code = NECKS.replace("Levels(config, False)", "Levels(config, True)")
    necks = port(summed_model("alike", code, {"alike": "Necks"}, "x", tmp_path), tmp_path / "port")
    assert "maps = self.neck(maps)" in necks.text("TFLevels.call")
