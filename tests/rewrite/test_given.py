"""What a constructor is given and hands on: options, classes by their name, weights; and gradients of one's own."""

import numpy as np
import pytest
import tensorflow as tf

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

HELPERS = """
class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, by):
        ctx.by = by
        ctx.save_for_backward(x)
        return x / by

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * torch.sigmoid(x) * ctx.by, None


class Scaled(nn.Module):
    def __init__(self, size, scale=1.0, bias=True):
        super().__init__()
        self.dense = nn.Linear(size, size, bias=bias)
        self.scale = scale

    def forward(self, x):
        return self.dense(x) * self.scale


class Optional(nn.Module):
    def __init__(self, size, **options):
        super().__init__()
        own = dict(scale=2.0)
        own.update(bias=False)
        self.first = Scaled(size, **own)
        self.second = Scaled(size, **options)
        self.third = nn.Linear(size, size, **{"bias": options.get("bias", True)})

    def forward(self, x):
        return self.third(self.second(self.first(x)))


class Named(nn.Module):
    def __init__(self, size, act="GELU", norm="LayerNorm", width=None):
        super().__init__()
        self.act = getattr(nn, act)()
        self.norm = getattr(nn, norm)(size)
        self.shape = getattr(nn, "Identity")()
        self.curve = getattr(nn.functional, "softplus")

    def forward(self, x):
        return self.shape(self.curve(self.norm(self.act(x))))


class Borrowing(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.dense = nn.Linear(weight.size(1), weight.shape[0], bias=False)
        self.dense.weight = weight

    def forward(self, x):
        return self.dense(x)


class Adapted:
    def __init__(self, rank):
        self.rank = rank
        self.merged = False


class AdaptedLinear(nn.Linear, Adapted):
    def __init__(self, size, out, rank=0):
        nn.Linear.__init__(self, size, out)
        Adapted.__init__(self, rank=rank)
        if rank > 0:
            self.down = nn.Parameter(self.weight.new_zeros((rank, size)))
            self.up = nn.Parameter(self.weight.new_ones((out, rank)))

    def forward(self, x):
        plain = F.linear(x, self.weight, bias=self.bias)
        return plain if self.merged or self.rank == 0 else plain + x @ self.down.T @ self.up.T


class Outer(nn.Module):
    def __init__(self, size, _):
        super().__init__()
        self.options = Optional(size, scale=0.5)
        self.named = Named(size)
        self.dense = nn.Linear(size, size)
        self.again = nn.Linear(size, size)
        given = self.dense.weight
        self.again.weight = given
        self.borrowing = Borrowing(self.dense.weight)
        self.adapted = AdaptedLinear(size, size, rank=2)

    def forward(self, x):
        x = Halved.apply(self.named(self.options(x)), 2.0)
        return self.adapted(self.borrowing(self.again(self.dense(x))))
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    header = "from torch.nn import functional as F\n"
    return port_bodies("given", {"Holder": "return x"}, tmp_path_factory.mktemp("given"), header + HELPERS, "Outer")


def test_the_port_computes_the_same(given):
    (found,) = verify(given.subject, given.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert given.messages("left") == []


def test_options_are_handed_on_without_kerass_own(given):
    constructor = given.text("TFOptional.__init__")
    assert "super().__init__(**layer_arguments(options))" in constructor
    assert "self.first = TFScaled(size, **own)" in constructor
    layer = given.module().TFOptional(8, name="mine", scale=3.0, bias=False)
    assert (layer.name, layer.second.scale, layer.second.dense.use_bias) == ("mine", 3.0, False)
    assert layer.first.dense.use_bias is False and layer.third.use_bias is False


def test_a_class_by_its_name_is_what_the_runs_have_shown_or_raises(given):
    named = given.module().TFNamed
    with pytest.raises(KeyError, match="SiLU"):
        named(8, act="SiLU")
    assert any("getattr(nn, act)" in message and "GELU" in message for message in given.messages("assumed"))
    assert "self.curve = tf.nn.softplus" in given.text("TFNamed.__init__")


def test_a_weight_that_is_handed_on_stays_one(given):
    modeling = given.module()
    model = modeling.TFSummedModel.from_config(modeling.TinyConfig())
    outer = next(layer for layer in model._flatten_layers() if type(layer).__name__ == "TFOuter")
    assert outer.again.kernel is outer.dense.kernel is outer.borrowing.dense.kernel


def test_a_base_of_torch_among_others_is_built(given):
    assert "super().build((None, None, self.size))" in given.text("TFAdaptedLinear.build")
    assert "tf.zeros((rank, size))" in given.text("TFAdaptedLinear.__init__")


def test_a_gradient_of_ones_own_is_followed(given):
    halved = given.module().Halved
    x = tf.constant([0.0, 1.0])

    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = halved.apply(x, 2.0)
        return y, tape.gradient(y, x)

    for run in (gradient, tf.function(gradient)):
        y, found = run(x)
        np.testing.assert_allclose(y, [0.0, 0.5])
        np.testing.assert_allclose(found, tf.sigmoid(x) * 2.0)
    assert any("gradient of Halved" in message for message in given.messages("assumed"))
