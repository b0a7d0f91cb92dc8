"""Each known cause finds the mistake that it describes, and stays silent on others."""

import ast
import importlib
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import diffcheck
from diffcheck import Options
from diffcheck.explain.causes import CAUSES
from diffcheck.explain.causes import wrong_values as values
from diffcheck.explain.causes.edits import Edit, edits_in_place, edits_with_names, scalings, transpositions
from diffcheck.explain.causes.order import elsewhere, nearby
from diffcheck.explain.causes.wrong_code import find_function, in_force
from diffcheck.explain.watched_statements import Event, Statement, statements_of
from diffcheck.record.values import TensorValue, flatten

RNG = np.random.default_rng(0)
A = RNG.normal(size=(2, 3, 4))


def suspect(**arguments):
    return SimpleNamespace(tolerance=1e-7, arguments=arguments, parts={})


def cause_of(twins):
    return diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(layer_by_layer=True)).origin.cause


def test_swapped_weights(twins):
    attention = twins.tf.tiny.encoder.layer[0].attention.self
    attention.query.kernel.assign(attention.key.kernel)
    assert "holds the values of encoder.layer.0.attention.self.key.weight" in cause_of(twins)


def test_a_transposed_weight(twins):
    kernel = twins.tf.tiny.encoder.layer[0].attention.self.value.kernel
    kernel.assign(kernel.numpy().T)
    assert "axes in the wrong order" in cause_of(twins)


def test_a_weight_that_was_never_loaded(twins):
    twins.tf.tiny.pooler.dense.bias.assign(np.zeros(24, np.float32))
    assert "pooler.dense.bias: other values: never loaded" in cause_of(twins)


def test_a_layer_that_was_never_loaded(twins):
    norm = twins.tf.tiny.encoder.layer[2].output_.LayerNorm
    norm.set_weights([np.ones(24, np.float32), np.zeros(24, np.float32)])
    assert "LayerNorm.bias: other values: never loaded" in cause_of(twins)


def test_an_activation_of_a_library_layer(twins):
    import keras

    twins.tf.tiny.pooler.dense.activation = keras.activations.relu
    assert "activation should be linear" in cause_of(twins)


def test_active_dropout(mutant):
    twins = mutant("return self.LayerNorm(embeddings)", "return tf.nn.dropout(self.LayerNorm(embeddings), 0.3)")
    assert "dropout or another random draw is active" in cause_of(twins)


def test_a_setting(twins):
    twins.tf.tiny.encoder.layer[1].attention.self.size = 3.0
    assert "setting: size should be 6, it is 3" in cause_of(twins)


def test_padding():
    torch = pytest.importorskip("torch")
    import keras
    import tensorflow as tf

    module = torch.nn.Conv2d(3, 5, 3)
    tf_model = keras.Sequential([keras.layers.Conv2D(5, 3, padding="same", name="conv")], name="m")
    tf_model.build((None, 8, 8, 3))
    tf_model.layers[0].set_weights(
        [module.weight.detach().numpy().transpose(2, 3, 1, 0), module.bias.detach().numpy()]
    )

    class Port(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = tf_model.layers[0]

        def call(self, x):
            return tf.transpose(self.conv(tf.transpose(x, [0, 2, 3, 1])), [0, 3, 1, 2])

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = module

        def forward(self, x):
            return self.conv(x)

    inputs = {"x": RNG.normal(size=(1, 3, 8, 8)).astype(np.float32)}
    report = diffcheck.diff(Model(), Port(), inputs, Options(layer_by_layer=True))
    assert report.origin.path == "conv"
    assert report.origin.cause.startswith("padding: padding='valid'")


@pytest.mark.parametrize(
    ("function", "expected", "actual", "words"),
    [
        (values.scaling, A, A * 2, "multiply by 0.5 = 1/2"),
        (values.scaling, A, -A, "multiply by -1"),
        (values.scaling, A, A * np.array([1.0, 2.0, 3.0])[:, None], "the same along axis 2"),
        (values.axes, A, A.transpose(0, 2, 1), "transpose it with [0, 2, 1]"),
        (values.axes, A, A.reshape(2, 4, 3).transpose(0, 2, 1), "head order"),
        (values.shift, np.arange(6), np.arange(6) + 1, "position offset"),
        (values.shift, A, np.roll(A, 1, axis=2), "shifted by one along axis 2"),
        (values.truncation, A * 5, np.floor(A * 5), "floors: integer division"),
        (values.mask_fill, np.where(A > 0, A, -3e38), np.where(A > 0, A, -1e4), "TensorFlow with -10000"),
        (values.mask_places, np.where(A > 0.5, A, -1e9), A, "the mask is missing"),
    ],
)
def test_values_tell_the_cause(function, expected, actual, words):
    assert words in function(suspect(), expected, actual)


@pytest.mark.parametrize(
    "function", [values.scaling, values.axes, values.shift, values.truncation, values.mask_fill, values.mask_places]
)
def test_unrelated_values_tell_nothing(function):
    assert function(suspect(), A, RNG.normal(size=A.shape)) is None


def test_a_missing_residual_is_named_by_its_variable():
    assert values.residual(suspect(x=A), A + 1.0, np.ones_like(A)) == "x is not added"
    assert values.residual(suspect(x=A), A * 3, np.ones_like(A)) is None
    inside = SimpleNamespace(tolerance=1e-7, arguments={}, parts={"mlp": TensorValue(A, "float64")})
    assert values.residual(inside, A + 1.0, np.ones_like(A)) == "mlp is not added"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("y = tf.nn.gelu(x, approximate=True)", "y = tf.nn.gelu(x, approximate=False)"),
        ("y = tf.nn.softmax(x, axis=1)", "y = tf.nn.softmax(x, axis=-1)"),
        ("y = tf.transpose(x, perm=[0, 1, 2])", "y = tf.transpose(x, perm=[0, 2, 1])"),
        ("y = f(a, b)", "y = f(b, a)"),
        ("y = x[:, 1:]", "y = x[:, :]"),
        ("y = x // 2", "y = x / 2"),
        ("y = f(x)", "y = f(x + z)"),
        ("y = f(x)", "y = f(x, z=z)"),
        ("y = x + z", "y = x - z"),
        ("y = f(x, z=None)", "y = f(x, z=z)"),
        ("y = x < z", "y = x <= z"),
        ("y = tf.matmul(x, z)", "y = tf.matmul(x, z, transpose_b=True)"),
        ("y = tf.where(z, x, -10000.0)", "y = tf.where(z, x, tf.float32.min)"),
        ("y = x * self.a", "y = x * self.b"),
        ("y = tf.cast(x, tf.int32)", "y = x"),
        ("y = f(x, z)", "y = tf.transpose(f(x, z), [0, 2, 1, 3])"),
        ("y = f(x, z)", "y = f(x, tf.transpose(z, [0, 2, 1, 3]))"),
    ],
)
def test_edits_contain_the_repair(wrong, right):
    statement = ast.parse(wrong).body[0]
    edits = (edits_in_place(statement, ["x", "z"]), edits_with_names(statement, ["x", "z"], ["a", "b"]))
    found = [edit.text for edit in itertools.chain(*edits, transpositions(statement))]
    assert right in found
    assert wrong not in found


def test_an_argument_of_its_own_name_is_forgotten_first():
    first = next(edits_in_place(ast.parse("y = f(a, mask=None, other=a)").body[0], ["a", "mask"]))
    assert (first.cause, first.text) == ("forgotten argument", "y = f(a, mask=mask, other=a)")


def test_factors_are_the_modules_numbers_and_roots_of_sizes():
    found = [edit.text for edit in scalings(ast.parse("y = x").body[0], ["scale"], [8])]
    assert "y = x / self.scale" in found
    assert "y = x * 8 ** (-0.5)" in found


FILE = """
import inspect

class Base:
    def call(self, x):
        return x

def documented(function):
    function.__doc__ = inspect.getsource(function)
    return function

class Layer(Base):
    @staticmethod
    def double(x):
        return 3 * x

    @documented
    def call(self, x):
        return super().call(self.double(x))
"""


@pytest.mark.parametrize(("line", "edit", "result"), [(15, "return 2 * x", 2), (19, "return super().call(x)", 1)])
def test_an_edited_method_is_in_force(tmp_path, monkeypatch, line, edit, result):
    (tmp_path / "edited_layer.py").write_text(FILE)
    monkeypatch.syspath_prepend(tmp_path)
    layer = importlib.import_module("edited_layer").Layer()
    place = find_function(statements_of(str(tmp_path / "edited_layer.py"))[line])
    with in_force(SimpleNamespace(layer=layer, inside=()), place, Edit("", ast.parse(edit).body[0])):
        assert layer.call(1) == result
    assert layer.call(1) == 3
    monkeypatch.delitem(sys.modules, "edited_layer")


def test_statements_come_under_suspicion_in_order():
    lines = {number: Statement("", number, number, "", (), ()) for number in range(1, 6)}

    def event(name, array, line, depth=1):
        return Event(name, flatten(array), lines[line], "", depth)

    given, moved, other = A, A.transpose(1, 0, 2), A + 1
    events = [event("a", given, 1), event("x", moved, 4, 2), event("return", other, 5, 2), event("b", other, 2),
              event("c", given, 3)]  # fmt: skip
    located = SimpleNamespace(tf=events[3], others=())
    assert nearby(located, events, None) == (lines[5], lines[4], lines[2])
    # What PyTorch has too is right, unless it is a copy of what was there before.
    reference = [event("a", given, 1), event("moved", moved, 2)]
    assert elsewhere(located, events, reference, 1e-7) == (lines[5], lines[2], lines[3])
    assert elsewhere(None, events, [], 1e-7) == (lines[3], lines[5], lines[4], lines[2], lines[1])


def test_every_cause_has_a_name_of_its_own():
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)


def test_a_constant_that_each_layer_keeps(mutant):
    import tensorflow as tf
    import torch

    twins = mutant("/ math.sqrt(self.size)", "/ self.root")
    for mine, theirs in zip(twins.torch.encoder.layer, twins.tf.tiny.encoder.layer, strict=True):
        mine.attention.self.root = torch.full((7,), 6**0.5)
        theirs.attention.self.root = tf.fill((7,), 2.0)
    assert cause_of(twins) == "constant: root holds other values than PyTorch's"
