import inspect
from types import SimpleNamespace

import numpy as np
import pytest

from diffcheck.judge.replay import arguments_for, thaw
from diffcheck.record.recording import FrozenCache
from diffcheck.record.values import TensorValue, flatten

OLD, NEW = np.zeros((2, 3), np.float32), np.ones((2, 3), np.float32)


@pytest.fixture(autouse=True)
def tensorflow():
    return pytest.importorskip("tensorflow")


def cache(states):
    """A cache of one layer, frozen with other numbers than it holds now."""
    live = SimpleNamespace(layers=[SimpleNamespace(conv_states=states, keys=OLD)])
    return FrozenCache(flatten({"0": {"conv_states": changed(states), "keys": NEW}}), live)


def changed(states):
    return dict.fromkeys(states, NEW) if isinstance(states, dict) else [NEW for _ in states]


@pytest.mark.parametrize("states", [{0: OLD, 1: OLD}, {"left": OLD}, [OLD, OLD]])
def test_members_of_a_cache_may_be_tables_and_lists(states):
    filled = thaw(cache(states), double=True)
    members = filled.layers[0].conv_states
    assert type(members) is type(states)
    assert len(members) == len(states)
    for tensor in members.values() if isinstance(members, dict) else members:
        assert np.array_equal(tensor.numpy(), NEW)
    assert np.array_equal(filled.layers[0].keys.numpy(), NEW)


def test_a_layer_alone_is_not_in_training_whatever_its_caller_said():
    value = TensorValue(NEW, "float32")
    values = arguments_for({"x": value, "training": True}, {"x": value}).values
    assert values["training"] is False
    assert arguments_for({"x": value, "training": None}, {"x": value}).values["training"] is None


def test_a_list_that_a_layer_requires_stands_for_the_none_of_its_caller():
    def call(x, head_mask, bias=None):
        raise NotImplementedError

    value = TensorValue(NEW, "float32")
    accepted = inspect.signature(call).parameters
    own = {"x": value, "head_mask": None, "bias": None}
    values = arguments_for(own, {"x": value, "head_mask": [None, value], "bias": [None]}, accepted).values
    assert values["head_mask"][0] is None
    assert np.array_equal(values["head_mask"][1].numpy(), NEW)
    assert values["bias"] is None
