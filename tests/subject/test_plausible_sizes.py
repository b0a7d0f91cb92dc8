from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.runtime.stored.tensor_source import TensorInfo
from porter.subject.plausible_sizes import check_sizes

PLACE = Path("config.json")
TENSORS = {f"layer.{n}": TensorInfo((64, 300_000), "float32") for n in range(5000)}


@pytest.mark.parametrize(
    "values",
    [
        {"num_hidden_layers": 10**9},
        {"encoder_layers": 5000},
        {"depths": [2, 10**6]},
        {"text_config": {"num_hidden_layers": 10**9}},
        {"num_labels": 10**9},
        {"num_experts": 10**7},
        {"vocab_size": 10**12},
        {"hidden_size": 10**9},
        {"max_position_embeddings": 10**10},
        {"image_size": [224, 10**9]},
        {"num_codebooks": 10**8},
        {"hidden_size": -(10**9)},
    ],
)
def test_sizes_that_no_model_has_are_refused(values):
    with pytest.raises(UsageError, match="The configuration says"):
        check_sizes(values, PLACE)


@pytest.mark.parametrize(
    "values",
    [
        {
            "num_hidden_layers": 126,
            "vocab_size": 262_144,
            "max_position_embeddings": 10_485_760,
            "rope_theta": 500_000,
        },
        {"eos_token_id": 10**9, "sliding_window": None, "num_labels": 21_843, "tie": True, "seed": 2**40},
        {"layer_types": ["full"] * 3, "model_type": "x", "rms_norm_eps": 1e-6},
    ],
)
def test_sizes_of_models_pass(values):
    check_sizes(values, PLACE)


def test_a_checkpoint_raises_the_limits():
    check_sizes({"num_hidden_layers": 4000, "num_labels": 300_000}, PLACE, TENSORS)
    with pytest.raises(UsageError, match="the checkpoint has 5000 tensors, up to 300000 wide"):
        check_sizes({"num_hidden_layers": 10**9}, PLACE, TENSORS)
