"""Families that tests are repeated for: a few of different kinds in `make test`, all of them in `make test-long`."""

from collections.abc import Iterable
from typing import Any

import pytest

FEW = ("bert", "gpt2", "vit")
"""An encoder, a decoder, and a model of images."""


def each_family(names: Iterable[str]) -> list[Any]:
    """The families as pytest's parameters."""
    return [pytest.param(name, marks=() if name in FEW else pytest.mark.long) for name in names]
