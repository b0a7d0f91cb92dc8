"""What a constructor makes and where it keeps it, read from the text alone."""

import libcst as cst
import pytest

from porter.rewrite.reading.constructor import Constructors
from porter.rewrite.reading.source import Source
from porter.subject import Subject
from tests.rewrite.porting import tiny_subject


@pytest.fixture(scope="module")
def handed() -> Constructors:
    subject: Subject = tiny_subject("handed", ("HandedModel",), {})
    return Constructors(Source(subject))


def test_attributes_are_surely_there_or_not(source):
    presence = Constructors(source).of("TinyLayer").presence
    assert (presence["gate"], presence["wide"], presence["output"]) == ("sometimes", "optional", "always")


def test_a_class_without_a_constructor_has_an_empty_one(handed):
    found = handed.of("NoSuchClass")
    assert (found.function, found.stores, dict(found.presence)) == (None, (), {})


def test_parameters_and_variables_are_known_by_what_holds_them(handed):
    assert dict(handed.of("HandedScale").kept_parameters) == {"weight": "weight", "bias": "bias"}
    assert set(handed.of("HandedModel").variables) == {"size"}


def test_calls_are_known_by_the_attribute_that_holds_their_result(handed):
    calls = handed.of("HandedGrown").calls
    assert "pairs" in calls and "mapped" in calls
    assert not any(handed.source.canonical(call.func) == "torch.nn.Linear" for call in calls["mapped"])


def test_a_layer_that_a_class_above_or_below_sets_too_is_replaced(handed):
    assert handed.replaces("HandedBase", "proj") and handed.replaces("HandedWide", "norm")
    assert not handed.replaces("HandedOther", "last")


def test_a_constructor_that_leaves_out_its_base_is_known(handed):
    assert [name for name in handed.source.classes if handed.passes_over_bases(name)] == ["HandedShort"]


def test_layers_whose_sizes_are_asked_for_are_known(handed):
    assert handed.asked == {"last", "embeddings"}


def test_what_a_function_returns_is_kept_by_those_who_call_it(handed):
    function = handed.source.functions["scores"]
    (call,) = (c for c in handed.source.find(function.node, cst.Call) if code_is_linear(handed.source, c))
    assert [kept.attribute for kept in handed.kept_anywhere(call)] == ["plain"]


def code_is_linear(source: Source, call: cst.Call) -> bool:
    return source.canonical(call.func) == "torch.nn.Linear"
