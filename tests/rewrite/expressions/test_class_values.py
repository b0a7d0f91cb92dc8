"""Layer classes as values, some with arguments of their own: the port calls what it was given."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

HELPERS = """
import functools
from functools import partial


class Normed(nn.Module):
    def __init__(self, size, norm=nn.LayerNorm, act=nn.GELU):
        super().__init__()
        self.norm = norm(size)
        self.act = act()
        self.is_norm = isinstance(self.norm, nn.LayerNorm)

    def forward(self, x):
        return self.act(self.norm(x)) if self.is_norm else x


class Plain(nn.Module):
    def __init__(self, size, dense=nn.Linear):
        super().__init__()
        self.dense = dense(size, size)
        kind = nn.Linear
        self.fixed = kind(size, size)

    def forward(self, x):
        return self.fixed(self.dense(x))


CHOICES = {"plus": nn.Softplus, "other": nn.Softplus}


class Chosen(nn.Module):
    def __init__(self, size, kind="plus"):
        super().__init__()
        self.curve = CHOICES[kind](beta=2.0)
        self.activations = nn.ModuleList([act() for act in (nn.ReLU, nn.Tanh)])

    def forward(self, x):
        return self.activations[1](self.activations[0](self.curve(x)))


class Either(nn.Module):
    def __init__(self, size, pointwise=False, act=nn.ReLU, rough=None):
        super().__init__()
        linear = partial(nn.Conv1d, kernel_size=1) if pointwise else nn.Linear
        act = rough or act
        self.linear = linear(size, size, bias=False)
        self.act = act(inplace=True)

    def forward(self, x):
        return self.act(self.linear(x))


class Told(nn.Module):
    def __init__(self, size, act=nn.Hardtanh, inplace=None):
        super().__init__()
        options = {} if inplace is None else {"inplace": inplace}
        self.act = act(**options)

    def forward(self, x):
        return self.act(x)


class Outer(nn.Module):
    def __init__(self, size, _):
        super().__init__()
        rough = functools.partial(nn.LayerNorm, eps=0.5)
        self.named = Normed(size, norm=partial(nn.LayerNorm, eps=0.25))
        self.first = Normed(size, rough, partial(nn.GELU, approximate="tanh"))
        self.usual = Normed(size)
        self.plain = Plain(size)
        self.chosen = Chosen(size)
        self.last = rough(size)
        self.either = Either(size)
        self.rough = Either(size, rough=partial(nn.ReLU6, inplace=False))
        self.told = nn.Sequential(Told(size, inplace=True), Told(size, act=nn.Tanh))

    def forward(self, x):
        x = self.rough(self.either(self.told(x * 1.0)))
        return self.last(self.chosen(self.plain(self.usual(self.first(self.named(x))))))
"""


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    bodies = {"Holder": "return x"}
    return port_bodies("values", bodies, tmp_path_factory.mktemp("values"), HELPERS, "Outer")


def test_the_port_computes_the_same(values):
    (found,) = verify(values.subject, values.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert values.messages("left") == []


def test_what_was_given_is_called_and_keeps_its_arguments(values):
    assert "self.norm = norm(size)" in values.text("TFNormed.__init__")
    assert "self.act = act()" in values.text("TFNormed.__init__")
    outer = values.text("TFOuter.__init__")
    assert outer.count("epsilon=0.5") == 1
    assert outer.count("epsilon=0.25") == 1
    assert "self.last = rough(size)" in outer


def test_a_class_is_a_function_that_makes_the_layer(values):
    constructor = values.text("TFNormed.__init__")
    made = "built(keras.layers.LayerNormalization(epsilon=1e-05), (None, None, normalized_shape))"
    assert f"norm=lambda normalized_shape: {made}" in " ".join(constructor.split()).replace("( ", "(").replace(
        " )", ")"
    )


def test_a_class_that_is_asked_for_stays_one(values):
    assert "isinstance(self.norm, keras.layers.LayerNormalization)" in values.text("TFNormed.__init__")


def test_a_class_that_was_only_ever_one_can_be_another(values):
    assert "self.dense = dense(size, size)" in values.text("TFPlain.__init__")
    made = values.module().TFPlain(8, dense=lambda in_features, out_features: keras.layers.Dense(3)).dense
    assert made.units == 3


def test_a_variable_that_is_one_class_is_that_class(values):
    assert "self.fixed = keras.layers.Dense(size)" in values.text("TFPlain.__init__")


def test_classes_of_a_table_are_chosen_and_called_with_what_calls_give(values):
    assert "CHOICES[kind](beta=2.0)" in values.text("TFChosen.__init__")
    made = values.module().CHOICES["plus"](beta=1.0)
    np.testing.assert_allclose(made(tf.constant([1.0])), tf.nn.softplus([1.0]), rtol=1e-6)
    activations = values.module().TFChosen(8).activations
    assert [float(activation(tf.constant([-1.0]))[0]) for activation in activations] == [0.0, pytest.approx(-0.761594)]


def test_a_class_takes_what_it_is_called_with_where_another_configuration_chooses_it(values):
    module = values.module()
    pointwise = module.TFEither(8, pointwise=True).linear
    assert (type(pointwise).__name__, pointwise.use_bias) == ("Conv1D", False)
    assert "act=lambda inplace=False: keras.layers.ReLU()" in values.text("TFEither.__init__")


def test_a_class_takes_the_options_that_runs_have_shown(values):
    assert "act=lambda min_val=-1.0" not in values.text("TFTold.__init__")
    assert "act(**options)" in values.text("TFTold.__init__")
