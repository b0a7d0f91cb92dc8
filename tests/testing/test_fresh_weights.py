import re

import keras
import numpy as np
import pytest
import torch

from porter.runtime import TFModule
from porter.runtime.model import init
from porter.runtime.model.torch_parameters import parameter
from porter.testing.fresh_weights import STANDARD_ERRORS, Compared, compared, difference, verdict

DRAW = np.random.default_rng(0)
SIZE = (3, 400, 300)


def test_one_distribution_is_one():
    assert difference(DRAW.normal(0, 0.02, (3, 40, 30)), DRAW.normal(0, 0.02, (3, 40, 30))) == ""
    assert difference(np.zeros((3, 5)), np.zeros((3, 5))) == ""


@pytest.mark.parametrize(
    ("drawn", "why"),
    [
        (lambda: DRAW.normal(0, 0.03, SIZE), r"its standard deviation is 0\.0(3|29|30)"),
        (lambda: DRAW.normal(0.01, 0.02, SIZE), r"its mean is 0\.0(1|0)"),
        (lambda: np.zeros(SIZE), r"its standard deviation is 0, not 0\.0"),
    ],
)
def test_another_distribution_is_named(drawn, why):
    assert re.search(why, difference(DRAW.normal(0, 0.02, SIZE), drawn()))


def test_constants_are_exact_one_by_one():
    wanted, drawn = DRAW.normal(0, 1, (3, 40, 30)), DRAW.normal(0, 1, (3, 40, 30))
    wanted[:, 7] = 0
    assert "where PyTorch has 0" in difference(wanted, drawn)
    drawn[:, 7] = 0
    assert difference(wanted, drawn) == ""
    assert difference(np.ones((3, 5)), np.full((3, 5), 1.01)) == "1.01 where PyTorch has 1"


def test_chance_alone_stays_within_the_bound():
    """Of 1,000 pairs of one distribution none differs; a deviation that is 15 % larger is found of 3,600 numbers."""
    pairs = (difference(DRAW.uniform(-1, 1, (3, 20)), DRAW.uniform(-1, 1, (3, 20))) for _ in range(1000))
    assert [why for why in pairs if why] == []
    assert difference(DRAW.normal(0, 1, (3, 1200)), DRAW.normal(0, 1.15, (3, 1200))) != ""
    assert STANDARD_ERRORS == 6


class TFPair(TFModule):
    def __init__(self, zeros: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.zeros = zeros
        self.layer = keras.layers.Dense(40)

    def build(self, input_shape=None):
        self.layer.build((None, 30))

    def fill_weights(self):
        if self.zeros:
            init.zeros_(parameter(self.layer, "bias"))


class Pair(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(30, 40)
        torch.nn.init.zeros_(self.layer.bias)


def fresh(zeros):
    model = TFPair(zeros)
    model.build()
    return model


def test_models_are_compared_by_pytorchs_names():
    found = compared(Pair, lambda: fresh(True))
    assert found.tensors == {"layer.weight": "", "layer.bias": ""}
    assert verdict(found).problem == ""
    other = compared(Pair, lambda: fresh(False))
    assert list(other.differing) == ["layer.bias"]
    assert "layer.bias (" in verdict(other).problem


def test_a_tensor_that_pytorch_does_not_have_or_has_in_another_shape():
    class Other(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(3, 40, bias=False)

    found = compared(Other, lambda: fresh(True)).tensors
    assert found == {
        "layer.weight": "its shape is (40, 30), not (40, 3)",
        "layer.bias": "PyTorch's model does not have it",
    }


def test_many_are_counted():
    found = verdict(Compared({str(number): "it differs" for number in range(5)}))
    assert found.problem.endswith("2 (it differs) and 2 more.")
