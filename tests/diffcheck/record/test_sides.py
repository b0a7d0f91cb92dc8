"""Models that are loaded when they are needed, one at a time where they are large."""

import gc
import weakref
from types import SimpleNamespace

import numpy as np
import pytest

import diffcheck
from diffcheck import Loader, Options
from diffcheck.record import sides


@pytest.fixture
def loaders(torch_file, tf_file, monkeypatch):
    """Loaders of a model and its port with a wrong activation, and the most models that were alive at once."""
    from tests.diffcheck.conftest import make_twins

    monkeypatch.setattr(sides, "TOGETHER", 0)
    alive, seen = weakref.WeakSet(), []

    def load(side):
        gc.collect()
        twins = make_twins(torch_file, tf_file)
        twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
        model = getattr(twins, side)
        alive.add(model)
        seen.append((side, len(alive)))
        return model

    inputs = make_twins(torch_file, tf_file).inputs
    return SimpleNamespace(
        torch=Loader(lambda: load("torch")), tf=Loader(lambda: load("tf")), inputs=inputs, seen=seen
    )


def test_large_models_are_loaded_one_at_a_time_and_found_out_all_the_same(loaders, twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    options = Options(layer_by_layer=True)
    expected = diffcheck.diff(twins.torch, twins.tf, twins.inputs, options).to_json()
    assert diffcheck.diff(loaders.torch, loaders.tf, loaders.inputs, options).to_json() == expected
    # Of PyTorch's model only the suspicious module stays, with the tree around it, while TensorFlow's is there.
    assert [side for side, _ in loaders.seen][:3] == ["torch", "tf", "torch"]
    assert [alive for side, alive in loaders.seen if side == "torch"] == [1] * (len(loaders.seen) // 2)


def test_gradients_need_one_model_at_a_time_too(loaders, twins):
    twins.tf.tiny.encoder.layer[1].intermediate.approximate = True
    options = Options(gradients=True, training=True)
    expected = diffcheck.diff(twins.torch, twins.tf, twins.inputs, options).backward
    found = diffcheck.diff(loaders.torch, loaders.tf, loaders.inputs, options).backward
    assert [each.sentences() for each in found] == [each.sentences() for each in expected]
    assert [each.training for each in found] == [False, True]
    assert {alive for side, alive in loaders.seen if side == "torch"} == {1}


def test_small_models_stay(loaders, monkeypatch):
    monkeypatch.setattr(sides, "TOGETHER", 1 << 30)
    report = diffcheck.diff(loaders.torch, loaders.tf, loaders.inputs, Options(layer_by_layer=True))
    assert report.origin.path == "encoder.layer.1.intermediate"
    assert [side for side, _ in loaders.seen] == ["torch", "tf"]


def test_what_is_stripped_takes_no_memory(twins):
    from diffcheck.record import torch_side

    whole = torch_side.size(twins.torch)
    kept = torch_side.size(twins.torch.get_submodule("encoder.layer.1"))
    torch_side.strip(twins.torch, ["encoder.layer.1"])
    assert torch_side.size(twins.torch) == kept < whole


def test_a_bound_that_leaves_no_room_is_refused_in_one_sentence(loaders):
    with pytest.raises(diffcheck.TooLittleMemory, match=r"0\.1 GB are too little: .* take about \d+\.\d GB"):
        diffcheck.diff(loaders.torch, loaders.tf, loaders.inputs, Options(max_memory=100_000_000))


def test_a_bound_is_divided_between_models_and_tensors(monkeypatch):
    monkeypatch.setattr(sides, "resident", lambda: 1 << 30)
    assert sides.plan(8 << 30, 1 << 30) == (True, sides.IN_MEMORY)
    assert sides.plan((1 << 30) + sides.WORKING + (1 << 20), 1 << 30) == (False, 1 << 19)


def test_inputs_that_pytorch_refuses(twins):
    with pytest.raises(diffcheck.InputsRefused):
        diffcheck.diff(twins.torch, twins.tf, {"input_ids": np.full((1, 3), 10_000)})
