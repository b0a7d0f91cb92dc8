"""Inputs out of a checkpoint's configuration alone."""

import pytest

from porter.subject.inputs.for_checkpoint import inputs_for
from porter.subject.inputs.trials import candidates

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def unlimited():
    config = transformers.XLNetConfig(vocab_size=40, d_model=8, n_layer=1, n_head=2, d_inner=8)
    assert config.max_position_embeddings == -1
    return transformers.XLNetLMHeadModel(config).eval()


def test_a_length_without_limit_is_the_usual_one(unlimited, tmp_path):
    assert inputs_for(tmp_path, unlimited)["input_ids"].shape == (2, 11)


def test_trials_of_a_length_without_limit_reach_the_longest(unlimited):
    lengths = {trial.inputs["input_ids"].shape[1] for trial in candidates(unlimited) if "input_ids" in trial.inputs}
    assert lengths == {1, 7, 128}
