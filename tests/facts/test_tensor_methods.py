"""Whose a method is, by its name alone."""

import pytest

from porter.facts.tensor_methods import is_tensor_method, owner_of_method, tensor_method


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("view", "tensor"),
        ("masked_fill_", "tensor"),
        ("float", "tensor"),
        ("add", "tensor"),
        ("split", "python"),
        ("sort", "python"),
        ("to", "module"),
        ("append", None),
        ("parameters", None),
    ],
)
def test_the_owner_of_a_method(name, owner):
    assert owner_of_method(name) == owner


def test_a_canonical_name_tells_by_itself():
    assert is_tensor_method(tensor_method("view"))
    assert not is_tensor_method("torch.nn.Module.to")
