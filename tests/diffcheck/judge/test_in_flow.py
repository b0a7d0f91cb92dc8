"""The TensorFlow model is compared while it runs: what it computes is not kept."""

import gc
import weakref

import numpy as np
import pytest

import diffcheck
from diffcheck import Options
from diffcheck.compare.metrics import Bound
from diffcheck.compare.pair import Pairing, pair
from diffcheck.judge.in_flow import Comparer
from diffcheck.record import tf_side
from diffcheck.record.recording import ModuleCall, Recording
from diffcheck.record.torch_side import record, structure
from diffcheck.record.values import Flattened, TensorValue, as_tensor

ALL = Options(layer_by_layer=True)


@pytest.fixture
def small():
    """A PyTorch module and a Keras model of it that nobody has built; both weights are all ones."""
    torch = pytest.importorskip("torch")
    import keras

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = torch.nn.Linear(4, 3)

        def forward(self, hidden):
            return self.dense(hidden)

    class TFSmall(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(3, kernel_initializer="ones", bias_initializer="ones", name="dense")

        def call(self, hidden):
            return self.dense(hidden)

    model = Small()
    for weight in model.parameters():
        torch.nn.init.ones_(weight)
    return model, TFSmall(), {"hidden": np.linspace(-1, 1, 8, dtype=np.float32).reshape(2, 4)}


def test_a_layer_that_its_first_call_builds_is_paired(small):
    report = diffcheck.diff(*small, ALL)
    assert report.matches
    assert [(module.path, module.tf_path, module.verdict) for module in report.modules] == [
        ("", "", "clean"),
        ("dense", "dense", "clean"),
    ]


def test_what_a_layer_computed_is_let_go_while_the_model_runs(twins):
    reference = record(twins.torch, twins.inputs)
    outputs, alive = [], []

    def keep(call):
        alive.append(sum(output() is not None for output in outputs))
        outputs.extend(weakref.ref(value.array) for value in call.output.tensors.values())
        return compare(call)

    pairing = pair(structure(twins.torch), tf_side.structure(twins.tf))
    compare = Comparer(reference, pairing, Bound())
    found = tf_side.record(twins.tf, twins.inputs, as_tensor, keep)
    assert len(outputs) > 20
    assert max(alive) <= 2  # that of the call before, which a variable still names
    assert all(not call.output.tensors and not call.arguments for call in found.calls)
    assert compare.flow.keys() == pairing.modules.keys() & reference.by_path().keys()


def test_calls_are_compared_by_their_number_not_by_when_they_end():
    def calls(*values):
        return [
            ModuleCall("a", "A", number, number, {}, Flattened({"0": TensorValue(np.full(3, value), "float64")}))
            for number, value in enumerate(values)
        ]

    reference = Recording("pytorch", tuple(calls(1.0, 2.0)), Flattened({}))
    compare = Comparer(reference, Pairing({}, {"a": "a"}, ()), Bound())
    first, second, third = calls(1.0, 2.0, 3.0)
    for call in (second, first, third):
        compare(call)
    assert {number: each.output.matches for number, each in compare.flow["a"].items()} == {1: True, 0: True}


def test_what_python_had_is_not_looked_through_meanwhile(twins, monkeypatch):
    frozen = []
    run = tf_side.record
    monkeypatch.setattr(tf_side, "record", lambda *given: [frozen.append(gc.get_freeze_count()), run(*given)][1])
    assert diffcheck.diff(twins.torch, twins.tf, twins.inputs).matches
    assert min(frozen) > 100_000
    assert gc.get_freeze_count() == 0


def test_whoever_froze_objects_finds_them_frozen(twins):
    gc.freeze()
    try:
        before = gc.get_freeze_count()
        diffcheck.diff(twins.torch, twins.tf, twins.inputs)
        assert 0 < gc.get_freeze_count() <= before
    finally:
        gc.unfreeze()
