"""What TensorFlow's variables are called: as PyTorch's parameters, if their layer lets them."""

from types import SimpleNamespace

import pytest

from diffcheck.record.tf_side import _own_names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model/predictions/bias:0", ("bias", "predictions.bias")),
        ("model/predictions/decoder/bias:0", ("bias", "decoder.bias")),
        ("kernel", ("weight", "weight")),
    ],
)
def test_a_variable_has_a_name_and_a_longer_one(name: str, expected: tuple[str, str]) -> None:
    assert _own_names(SimpleNamespace(name=name)) == expected
