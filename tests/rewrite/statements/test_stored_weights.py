"""Buffers that a model changes while it trains: they keep their values from call to call, as in PyTorch."""

import numpy as np
import pytest
import tensorflow as tf

from porter.port.verify import verify
from tests.rewrite.porting import port
from tests.rewrite.summed_model import summed_model

LAYERS = """

class Averaged(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(4, config.hidden_size)
        self.register_buffer("mean", torch.zeros(config.hidden_size))
        self.register_buffer("seen", torch.zeros(2, dtype=torch.long))
        self.register_buffer("start", self.embed.weight.data.clone())
        self.register_buffer("last", None, persistent=False)

    def forward(self, x, ids):
        if self.training:
            self.mean.mul_(0.5).add_(x.mean((0, 1)), alpha=0.5)
            self.seen += 1
            self.seen[1] = 7
            self.last = x.mean()
        return x + self.mean + self.start.sum() + self.embed(ids % 4)
"""


@pytest.fixture(scope="module")
def averaged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("averaged")
    return port(summed_model("averaged", LAYERS, {"averaged": "Averaged"}, "x, input_ids", folder), folder / "port")


def test_buffers_of_the_checkpoint_are_assigned_to(averaged):
    call = averaged.text("TFAveraged.call")
    assert "self.mean.assign(" in call
    assert "self.seen.assign(self.seen + (1))" in call or "self.seen.assign(self.seen + 1)" in call
    assert "self.seen.assign(slice_update(self.seen, np.s_[1], 7))" in call
    assert "self.last = tf.reduce_mean(x)" in call


def test_a_weight_is_made_where_a_constructor_copies_it(averaged):
    assert "made_now(self.embed).embeddings" in averaged.text("TFAveraged.__init__")


def test_they_keep_their_values(averaged):
    module = averaged.module()
    layer = module.TFAveraged(module.TinyConfig())
    x, ids = tf.ones((1, 3, 8)), tf.ones((1, 3), tf.int64)
    layer(x, ids)
    step = tf.function(lambda x, ids: layer(x, ids, training=True))
    step(x, ids)
    step(x, ids)
    assert np.allclose(layer.mean.numpy(), 0.75)
    assert layer.seen.numpy().tolist() == [2, 7]


CACHED = """

class Cached(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.size = config.hidden_size
        self.cache = torch.zeros((8, 64, config.hidden_size))

    def forward(self, x, start=0):
        rows, length, _ = x.shape
        self.cache = self.cache.to(x)
        self.cache[:rows, start : start + length] = x
        return x + self.cache[:rows, : start + length].mean(1, keepdim=True)
"""


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cached")
    return port(summed_model("cached", CACHED, {"cached": "Cached"}, "x", folder), folder / "port")


def test_a_tensor_whose_parts_are_written_is_a_variable(cached):
    assert "self.cache = tf.Variable(tf.zeros((8, 64, config.hidden_size)), trainable=False)" in (
        cached.text("TFCached.__init__")
    )
    assert "self.cache.assign(slice_update(self.cache, " in cached.text("TFCached.call")


def test_what_was_written_is_there_at_the_next_call(cached):
    (found,) = verify(cached.subject, cached.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    module = cached.module()
    layer = module.TFCached(module.TinyConfig())
    step = tf.function(lambda x, start: layer(x, start=start))
    step(tf.ones((1, 2, 8)), tf.constant(0))
    np.testing.assert_allclose(step(tf.zeros((1, 2, 8)), tf.constant(2)), np.full((1, 2, 8), 0.5))
    assert layer.weights == []
