"""Recurrent layers against PyTorch's."""

import pytest
from torch import nn

from porter.runtime import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from tests.runtime.layers.twins import assert_twins, floats

pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
KINDS = [("RNN", RNN, {}), ("RNN", RNN, {"nonlinearity": "relu"}), ("GRU", GRU, {}), ("LSTM", LSTM, {}),
         ("LSTM", LSTM, {"proj_size": 2})]  # fmt: skip
OPTIONS = [{}, {"batch_first": True}, {"num_layers": 2, "bidirectional": True, "batch_first": True},
           {"num_layers": 3, "bias": False}]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(("name", "ours", "own"), KINDS, ids=str)
def test_sequences(name, ours, own, options):
    assert_twins(getattr(nn, name)(4, 3, **own, **options), ours(4, 3, **own, **options), [floats(5, 2, 4)])


@pytest.mark.parametrize(("name", "ours", "own"), KINDS, ids=str)
def test_initial_states(name, ours, own):
    options = {"num_layers": 2, "bidirectional": True, **own}
    states = [floats(4, 2, own.get("proj_size", 3), seed=1), floats(4, 2, 3, seed=2)]
    given = tuple(states) if name == "LSTM" else states[0]
    assert_twins(getattr(nn, name)(4, 3, **options), ours(4, 3, **options), [floats(5, 2, 4), given])


@pytest.mark.parametrize(("name", "ours", "own"), KINDS, ids=str)
def test_one_row(name, ours, own):
    assert_twins(getattr(nn, name)(4, 3, batch_first=True, **own), ours(4, 3, batch_first=True, **own), [floats(5, 4)])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("name", "ours"), [("RNNCell", RNNCell), ("GRUCell", GRUCell), ("LSTMCell", LSTMCell)])
def test_cells(name, ours, bias):
    assert_twins(getattr(nn, name)(4, 3, bias=bias), ours(4, 3, bias=bias), [floats(2, 4)])
    states = [floats(2, 3, seed=1), floats(2, 3, seed=2)]
    given = tuple(states) if name == "LSTMCell" else states[0]
    assert_twins(getattr(nn, name)(4, 3, bias=bias), ours(4, 3, bias=bias), [floats(2, 4), given])
