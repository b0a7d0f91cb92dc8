"""Inputs and arguments as the command line says them."""

import pytest

from porter.base.errors import UsageError
from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.parse_input import parse_arguments, parse_input

NORMAL = {"kind": "normal", "std": 1.0}


@pytest.mark.parametrize(
    ("text", "spec"),
    [("x=2x3x32x32:float32", InputSpec("x", (2, 3, 32, 32), "float32", NORMAL)),
     ("x=2x3", InputSpec("x", (2, 3), "float32", NORMAL)),
     ("x=5:float64", InputSpec("x", (5,), "float64", NORMAL)),
     ("ids=2x7:int64:3-50", InputSpec("ids", (2, 7), "int64", {"kind": "randint", "low": 3, "high": 50})),
     ("mask=2x7:bool", InputSpec("mask", (2, 7), "bool", {"kind": "randint", "low": 0, "high": 2})),
     ("flag=true", InputSpec("flag", (), "", {"kind": "py", "value": True})),
     ("scale=0.5", InputSpec("scale", (), "", {"kind": "py", "value": 0.5}))],
)  # fmt: skip
def test_inputs(text, spec):
    assert parse_input(text) == spec


@pytest.mark.parametrize("text", ["x", "x=", "=2x3", "x=2xthree", "x=2x3:complex", "ids=2x3:int64:5-5"])
def test_what_is_not_an_input(text):
    with pytest.raises(UsageError):
        parse_input(text)


def test_dotted_names_are_members():
    specs = [parse_input(text) for text in ("xs.0=2x3", "xs.1=2x4", "batch.mask=2x3:bool", "y=2x3")]
    inputs = numpy_inputs(specs)
    assert [array.shape for array in inputs["xs"]] == [(2, 3), (2, 4)]
    assert inputs["batch"]["mask"].dtype == bool
    assert inputs["y"].shape == (2, 3)


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_arguments_are_a_table(text):
    with pytest.raises(UsageError, match="JSON"):
        parse_arguments(text)


def test_no_arguments_are_not_an_empty_table():
    assert parse_arguments(None) is None
    assert parse_arguments("{}") == {}
