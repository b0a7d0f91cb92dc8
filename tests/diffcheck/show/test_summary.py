"""Figures of tensors, and those of the first differing statement in the report."""

import numpy as np
import pytest

import diffcheck
from diffcheck import Options
from diffcheck.record.values import TensorValue, flatten
from diffcheck.show.summary import lines, results, summarise


def test_figures_are_over_finite_elements():
    found = summarise(TensorValue(np.array([[0.0, 2.0], [np.nan, -4.0], [np.inf, 0.0]], np.float32), "float32"))
    assert (found.shape, found.minimum, found.maximum, found.mean) == ((3, 2), -4.0, 2.0, -0.5)
    assert found.std == pytest.approx(np.std([0.0, 2.0, -4.0, 0.0]))
    assert (found.zeros, found.nonfinite) == (pytest.approx(2 / 6), 2)


def test_a_tensor_without_finite_elements_has_no_figures():
    found = summarise(TensorValue(np.array([np.nan]), "float64"))
    assert (found.minimum, found.mean, found.nonfinite) == (None, None, 1)
    assert summarise(TensorValue(np.zeros((0, 3)), "float64")).zeros == 0.0


def test_the_worst_tensor_is_shown():
    one, other = flatten({"a": np.ones(2), "b": np.ones(3)}), flatten({"a": np.ones(2), "b": 2 * np.ones(3)})
    assert [value.tf.maximum for value in results("x", one, other)] == [2.0]
    assert len(lines(results("x", one, other), "TensorFlow")) == 3
    assert lines([], "TensorFlow") == []


def test_a_statement_comes_with_what_it_made_and_was_given(mutant):
    twins = mutant("tf.nn.softmax(scores, axis=-1)", "tf.nn.softmax(scores, axis=-2)")
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options())
    made, given = report.origin.values[:2]
    assert (made.role, given.role, given.name, given.tf) == ("out", "in", "scores", None)
    assert made.torch.mean == pytest.approx(1 / 7)
    assert made.tf.maximum != made.torch.maximum
    assert f"in {given.name}" in "\n".join(report.sentences())
    assert report.to_json()["origin"]["values"][0]["tf"]["maximum"] == made.tf.maximum


def test_a_layer_of_a_library_comes_with_its_result_and_arguments(twins):
    twins.tf.tiny.encoder.layer[1].output_.LayerNorm.epsilon = 0.1
    report = diffcheck.diff(twins.torch, twins.tf, twins.inputs, Options())
    made, given = report.origin.values[:2]
    assert report.origin.path == "encoder.layer.1.output.LayerNorm"
    assert made.torch.std > made.tf.std > 0
    assert given.torch.shape == (2, 7, 24)
