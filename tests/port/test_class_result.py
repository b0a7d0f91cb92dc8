"""What is said of a class: the worse side counts, and a match is not yet a proof."""

import pytest

from porter.port.class_result import LOADING, ClassResult, Side
from porter.port.coverage import Coverage

NOTHING = dict.fromkeys(LOADING, ())
GOOD, WORSE, BROKEN = Side(True, 1e-7), Side(True, 1e-6), Side(False, None, "ValueError: no")


@pytest.mark.parametrize(
    ("one", "other", "worse"),
    [(GOOD, WORSE, WORSE), (WORSE, GOOD, WORSE), (GOOD, BROKEN, BROKEN), (BROKEN, GOOD, BROKEN),
     (Side(False, 0.5), BROKEN, BROKEN), (Side(False, 0.5), WORSE, Side(False, 0.5))],
)  # fmt: skip
def test_the_worse_side_counts(one, other, worse):
    assert one.worse(other) == worse


def test_a_class_is_as_good_as_its_worst_case():
    first = ClassResult("A", GOOD, WORSE, NOTHING, noise=None)
    second = ClassResult("A", WORSE, GOOD, {**NOTHING, "missing": ("a.weight",)}, noise=2e-7, comparable=False)
    merged = first.merge(second)
    assert (merged.eager, merged.graph) == (WORSE, WORSE)
    assert merged.weights["missing"] == ("a.weight",)
    assert (merged.noise, merged.comparable) == (2e-7, False)
    assert first.ok
    assert not merged.ok


@pytest.mark.parametrize("kind", LOADING)
def test_a_tensor_without_its_place_is_no_match(kind):
    assert not ClassResult("A", GOOD, GOOD, {**NOTHING, kind: ("a.weight",)}).ok


def test_the_report_has_every_field():
    data = ClassResult("A", GOOD, BROKEN, NOTHING).to_json()
    assert data == {
        "name": "A",
        "ok": False,
        "eager": {"ok": True, "max_abs": 1e-7, "message": ""},
        "graph": {"ok": False, "max_abs": None, "message": "ValueError: no"},
        "weights": {"missing": [], "unexpected": [], "mismatched": []},
        "noise": None,
        "comparable": True,
        "proves_nothing": [],
        "coverage": Coverage().to_json(),
        "unknown_in_graph": [],
        "known_in_graph_because": "",
        "trace": [],
    }


def test_outputs_that_prove_nothing_are_no_proof():
    assert not ClassResult("A", GOOD, GOOD, NOTHING, nothing=("logits of PyTorch is constant",)).ok


def test_an_argument_that_never_had_a_value_is_not_proven():
    coverage = Coverage(1, 2, idle={"pixel_values": "modeling_tf_x.py:3"})
    result = ClassResult("A", GOOD, GOOD, NOTHING, coverage=coverage)
    assert result.matches
    assert not result.ok
