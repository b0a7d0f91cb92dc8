"""porter promotes as PyTorch does: every pair of dtypes, with and without axes, and Python numbers."""

import itertools

import pytest
import torch

from porter.facts import Fact
from porter.facts.promotion import CATEGORIES, float_of_several, promoted_dtype

DTYPES = [dtype for category in CATEGORIES for dtype in category]


def tensor(dtype: str, rank: int) -> tuple[torch.Tensor, Fact]:
    value = torch.ones((1,) * rank, dtype=getattr(torch, dtype))
    return value, Fact(kinds=frozenset({"tensor"}), rank=rank, dtype=dtype)


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_two_tensors(left: str, right: str) -> None:
    axes = (2,) if "complex" in left + right else (0, 2)
    for ranks in itertools.product(axes, axes):
        (one, first), (other, second) = tensor(left, ranks[0]), tensor(right, ranks[1])
        assert promoted_dtype([first, second]) == str(torch.result_type(one, other)).removeprefix("torch.")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("number", [True, 3, 0.5])
@pytest.mark.parametrize("rank", [0, 2])
def test_a_tensor_and_a_number(dtype: str, number: float, rank: int) -> None:
    value, fact = tensor(dtype, rank)
    wanted = str(torch.result_type(value, number)).removeprefix("torch.")
    assert promoted_dtype([fact, Fact.constant(number)]) == wanted


def test_what_is_not_known_is_not_guessed() -> None:
    unknown = Fact(kinds=frozenset({"tensor"}), rank=2)
    assert promoted_dtype([unknown, Fact.constant(0.5)]) is None
    assert promoted_dtype([Fact.constant(1), None]) is None


def test_of_several_dtypes_only_a_float_is_sure() -> None:
    several = tensor("float32", 2)[1].merge(tensor("int64", 2)[1])
    assert several.has_several_dtypes and not tensor("int64", 2)[1].has_several_dtypes
    assert float_of_several([several, Fact.constant(1.0)]) == "float32"
    assert float_of_several([several, Fact.constant(1)], tensor("float64", 2)[1]) == "float64"
    assert float_of_several([several, tensor("int64", 2)[1]]) is None
    assert float_of_several([tensor("int64", 2)[1], Fact.constant(1.0)]) is None
