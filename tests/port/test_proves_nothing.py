"""Which outputs prove nothing."""

import numpy as np
import pytest

from porter.port.proves_nothing import proves_nothing

VARIED = np.arange(4, dtype=np.float32)


@pytest.mark.parametrize(
    ("value", "told"),
    [(VARIED * np.nan, "not finite"), (np.full(4, np.inf, np.float32), "not finite"), (VARIED * 0, "all zero"),
     (VARIED * 0 + 2, "constant")],
)  # fmt: skip
def test_what_proves_nothing_is_named(value, told):
    (sentence,) = proves_nothing({"logits": value, "other": VARIED})
    assert sentence.startswith("logits of PyTorch is ")
    assert told in sentence


@pytest.mark.parametrize(
    "value",
    [VARIED, np.where(VARIED > 2, -np.inf, VARIED), np.float32(0), np.zeros(4, np.int64), np.zeros(0, np.float32)],
)
def test_varied_values_masks_single_numbers_and_integers_prove_something(value):
    assert proves_nothing({"logits": value}) == ()


def test_members_of_a_list_are_judged_together():
    flat = VARIED * 0 + 1
    assert proves_nothing({"attentions": (flat, VARIED)}) == ()
    assert proves_nothing({"attentions": (flat, flat)}) == tuple(
        f"attentions.{at} of PyTorch is constant" for at in range(2)
    )
    assert proves_nothing({"attentions": (VARIED * np.nan, VARIED)}) == ("attentions.0 of PyTorch is not finite",)
