import numpy as np
import pytest

from porter.testing import USES
from tests.testing.bert_pair import bert_pair

NOTHING_TO_CHECK = ("cache", "devices")  # BERT keeps none; `test_placement_checks` has two devices


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return bert_pair(tmp_path_factory.mktemp("pair"))


@pytest.mark.parametrize("use", USES)
def test_what_is_right_has_no_problem(pair, use):
    verdict = USES[use](pair)
    assert verdict.problem == ""
    assert bool(verdict.lacks) == (use in NOTHING_TO_CHECK)


@pytest.mark.parametrize(
    ("use", "problem"),
    [("gradients", "loss differs: "), ("training", "the loss is "), ("padding", "padded on the left: ")],
)
def test_another_weight_is_found(pair, use, problem):
    kernel = pair.tensorflow.bert.encoder.layer[0].output_.dense.kernel
    before = kernel.numpy()
    kernel.assign(before + np.random.default_rng(0).normal(size=before.shape))
    try:
        assert USES[use](pair).problem.startswith(problem)
    finally:
        kernel.assign(before)
