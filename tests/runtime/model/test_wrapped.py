"""Prefixes of wrappers, and tables of tensors inside what training runs save."""

import pytest
import torch

from porter.runtime.model.wrapped import wrapper_prefix
from porter.runtime.stored.tensor_source import CheckpointError
from porter.runtime.stored.torch_file import TorchFile


@pytest.mark.parametrize(
    ("stored", "wanted", "prefix"),
    [(["module.a.weight", "module.b.bias"], ["a.weight", "b.bias"], "module."),
     (["_orig_mod.module.a.weight"], ["a.weight"], "_orig_mod.module."),
     (["a.weight", "a.bias"], ["a.weight", "a.bias"], ""),
     (["a.weight"], ["a.weight", "b.weight"], ""),
     (["module.a.weight", "b.bias"], ["a.weight", "b.bias"], ""),
     (["x.a.weight"], ["c.weight"], ""),
     ([], ["a"], "")],
)  # fmt: skip
def test_prefixes(stored, wanted, prefix):
    assert wrapper_prefix(stored, wanted) == prefix


def test_the_table_in_a_training_checkpoint(tmp_path):
    torch.save({"step": 3, "model": {"a": torch.ones(2)}, "args": {"width": 2}}, tmp_path / "last.pt")
    with TorchFile(tmp_path / "last.pt") as file:
        assert list(file.tensors) == ["a"]


def test_two_tables_are_not_guessed(tmp_path):
    torch.save({"model": {"a": torch.ones(2)}, "ema": {"a": torch.ones(2)}}, tmp_path / "last.pt")
    with pytest.raises(CheckpointError, match="several tables of tensors: 'model', 'ema'"):
        TorchFile(tmp_path / "last.pt")
