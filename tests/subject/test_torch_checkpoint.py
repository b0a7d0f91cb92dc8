"""Checkpoints that cannot be loaded are refused in one sentence, before a framework stumbles over them."""

import json
from pathlib import Path

import pytest

from porter.base.errors import UsageError
from porter.subject.torch_checkpoint import load_torch


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    BertModel(BertConfig(vocab_size=20, **sizes)).save_pretrained(tmp_path)
    return tmp_path


def test_a_sound_checkpoint_is_loaded_ready_to_compare(checkpoint: Path) -> None:
    model = load_torch(checkpoint)
    assert (model.training, model.config._attn_implementation) == (False, "eager")


def test_truncated_weights(checkpoint: Path) -> None:
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:200])
    with pytest.raises(UsageError, match="not a sound safetensors file"):
        load_torch(checkpoint)


def test_missing_weights(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(UsageError, match="holds no PyTorch weights"):
        load_torch(checkpoint)


def test_a_configuration_that_does_not_fit(checkpoint: Path) -> None:
    config = json.loads((checkpoint / "config.json").read_text())
    (checkpoint / "config.json").write_text(json.dumps({**config, "hidden_size": 12}))
    with pytest.raises(UsageError, match=r"does not fit BertModel: \S+ is \(.*\) in the weights, and config.json"):
        load_torch(checkpoint)


def test_weights_that_the_checkpoint_lacks_are_named(checkpoint: Path) -> None:
    import safetensors.torch

    weights = checkpoint / "model.safetensors"
    tensors = safetensors.torch.load_file(weights)
    del tensors["pooler.dense.bias"]
    safetensors.torch.save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"lacks weights of BertModel, such as pooler\.dense\.bias"):
        load_torch(checkpoint)
