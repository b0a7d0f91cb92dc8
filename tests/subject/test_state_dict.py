"""Weights of a file in a PyTorch module."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from porter.base.errors import UsageError
from porter.subject.state_dict import load_state


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(5, 3)
        self.norm = nn.BatchNorm1d(3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.embed.weight


def test_of_tied_tensors_one_is_enough_and_bfloat16_becomes_float32(tmp_path: Path) -> None:
    state = {name: torch.full_like(value, 2) for name, value in Tied().state_dict().items() if name != "head.weight"}
    state["embed.weight"] = state["embed.weight"].to(torch.bfloat16)
    save_file(state, tmp_path / "tied.safetensors")
    model = Tied()
    load_state(model, tmp_path / "tied.safetensors")
    assert model.head.weight.dtype == torch.float32
    assert all(bool((value == 2).all()) for value in model.state_dict().values())


def test_a_wrappers_prefix_is_left_out(tmp_path: Path) -> None:
    state = {f"module.{name}": torch.full_like(value, 3) for name, value in Tied().state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "run.pt")
    model = Tied()
    load_state(model, tmp_path / "run.pt")
    assert bool((model.head.weight == 3).all())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("norm.weight"), "norm.weight is missing"),
        (lambda state: state.update(other=torch.ones(2)), "other has no place in the model"),
        (lambda state: state.update({"norm.bias": torch.ones(4)}), r"norm.bias is \(4,\), not \(3,\)"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, change, sentence: str) -> None:
    state = dict(Tied().state_dict())
    change(state)
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(UsageError, match=sentence):
        load_state(Tied(), tmp_path / "state.pt")


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"There is no file none\.pt"):
        load_state(Tied(), Path("none.pt"))
