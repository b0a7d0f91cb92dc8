"""Other lengths, and a decoder's step from its cache."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest

import diffcheck
from diffcheck import Options
from diffcheck.judge.variations import _variation, compare_cached_step, torch_step
from diffcheck.record.sides import Sides
from diffcheck.record.values import flatten


class Cache:
    """Sums of what came before, in the form of a cache with one layer."""

    def __init__(self, keys):
        self.layers = [SimpleNamespace(keys=keys, values=keys)]


@pytest.fixture(scope="module")
def decoders():
    torch = pytest.importorskip("torch")
    import keras
    import tensorflow as tf

    class Model(torch.nn.Module):
        def forward(self, input_ids, past_key_values=None, use_cache=False):
            total = input_ids.double().sum(1, keepdim=True).float()
            if past_key_values is not None:
                total = total + past_key_values.layers[0].keys
            output = {"logits": total}
            return Outputs(output, Cache(total)) if use_cache else output

    class Outputs(dict):
        def __init__(self, output, cache):
            super().__init__(output, past_key_values=cache)
            self.past_key_values = cache

    class Port(keras.Model):
        forgets = False

        def call(self, input_ids, past_key_values=None, use_cache=False, training=False):
            total = tf.cast(tf.reduce_sum(input_ids, axis=1, keepdims=True), tf.float32)
            if past_key_values is not None and not self.forgets:
                total = total + past_key_values.layers[0].keys
            return Outputs({"logits": total}, Cache(total)) if use_cache else {"logits": total}

    return Model(), Port()


TOKENS = {"input_ids": np.arange(1, 9).reshape(2, 4)}


def test_a_step_from_the_cache(decoders):
    model, port = decoders
    port.forgets = False
    assert compare_cached_step(Sides(model, port), TOKENS, torch_step(model, TOKENS), 1e-5).matches
    port.forgets = True
    report = diffcheck.diff(model, port, TOKENS)
    assert report.outputs.matches
    assert not report.matches
    assert "a step from the cache: logits differs" in "\n".join(report.sentences())


def test_a_model_without_a_cache_has_no_such_step(twins):
    assert torch_step(twins.torch, twins.inputs) is None


def test_a_length_that_only_the_port_cannot_take(mutant):
    twins = mutant("x, (shape[0], shape[1], self.heads", "x, (shape[0], 7, self.heads")
    shorter = {name: value[:, :5] for name, value in twins.inputs.items()}
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options(variations={"five tokens": shorter}))
    assert report.outputs.matches
    assert not report.matches
    line = 1 + (twins.file.read_text().split("shape[0], 7, self")[0]).count("\n")
    assert report.variations[0].crash.line == line
    assert f"five tokens: stopped at {twins.file}:{line}" in report.sentences()[-1]


def test_a_model_that_does_not_run_in_float64_has_no_known_rounding():
    def wide():
        raise RuntimeError("value cannot be converted to type float without overflow")

    right, wrong = flatten({"x": np.ones(3)}), flatten({"x": np.full(3, 2.0)})
    assert not _variation("shorter", right, wide, lambda: wrong, (1e-5, ()), {}).outputs.matches


def test_a_variation_that_differs_on_padded_positions_only_matches():
    inputs = {"attention_mask": np.array([[0, 0, 1]])}
    right = {"x": np.zeros((1, 3, 2))}
    for place, matches in (((0, 1, 0), True), ((0, 2, 0), False)):
        wrong = {"x": right["x"].copy()}
        wrong["x"][place] = 1.0
        found = _variation(
            "padded on the left",
            flatten(right),
            lambda: flatten(right),
            functools.partial(flatten, wrong),
            (1e-5, ()),
            inputs,
        )
        assert found.matches is matches
        assert found.sentence().startswith("padded on the left, on padded positions only: x differs") is matches
