from pathlib import Path

import numpy as np
import pytest
from transformers.models.bert import modeling_bert

from porter.subject import Case, InputSpec, ModelCase
from porter.testing import USES, ModelPair
from tests.runtime import modeling_tf_small_bert as ported
from tests.runtime.small_bert import config

IDS = InputSpec("input_ids", (2, 7), "int64", {"kind": "randint", "low": 1, "high": 99})
MASK = InputSpec("attention_mask", (2, 7), "int64", {"kind": "ones"})


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    settings = {name: value for name, value in config().to_diff_dict().items() if not name.startswith("_")}
    model = ModelCase("BertForMaskedLM")
    case = Case("bert", "transformers.models.bert.configuration_bert", "BertConfig", settings, (IDS, MASK), (model,))
    return ModelPair.of(case, model, (modeling_bert, ported), Path(tmp_path_factory.mktemp("pair")))


@pytest.mark.parametrize("use", USES)
def test_what_is_right_has_no_problem(pair, use):
    verdict = USES[use](pair)
    assert verdict.problem == ""
    assert bool(verdict.lacks) == (use == "cache")


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
