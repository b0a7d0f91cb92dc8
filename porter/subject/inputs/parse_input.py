"""Inputs as the command line says them: `x=2x3x32x32:float32`, `ids=2x7:int64:0-50`, `scale=0.5`."""

from __future__ import annotations

import re

from porter.base.errors import UsageError
from porter.base.reading import json_value
from porter.subject.case import InputSpec
from porter.subject.inputs.arrays import Array

FORM = re.compile(r"(?P<shape>\d+(?:x\d+)*)(?::(?P<dtype>[a-z]+\d*))?(?::(?P<low>\d+)-(?P<high>\d+))?")
DTYPES = {"float32", "float64", "float16", "int64", "int32", "int8", "uint8", "bool"}
HINT = "--input NAME=2x3x32x32:float32, whole numbers as NAME=2x7:int64:0-50, others as NAME=true"
LOWEST, BEYOND = 0, 10


def parse_input(text: str) -> InputSpec:
    """One input: a shape and a type, with the range of whole numbers, or a plain value as JSON has it.

    Raises UsageError where it is neither.
    """
    name, found, value = text.partition("=")
    if not found or not name or not value:
        raise UsageError(f"{text!r} is not an input.", hint=HINT)
    form = FORM.fullmatch(value)
    if form is None or ("x" not in value and ":" not in value):
        try:
            return InputSpec(name, (), "", {"kind": "py", "value": json_value(value)})
        except ValueError as error:
            raise UsageError(f"The input {name} is neither a shape nor a value: {value}.", hint=HINT) from error
    dtype = form["dtype"] or "float32"
    if dtype not in DTYPES:
        raise UsageError(f"The input {name} has the unknown type {dtype}.", hint=f"one of {', '.join(sorted(DTYPES))}")
    shape = tuple(int(size) for size in form["shape"].split("x"))
    if dtype.startswith("float"):
        return InputSpec(name, shape, dtype, {"kind": "normal", "std": 1.0})
    low, high = (0, 2) if dtype == "bool" else (int(form["low"] or LOWEST), int(form["high"] or BEYOND))
    if low >= high:
        raise UsageError(f"The input {name} has no number between {low} and {high}.", hint=HINT)
    return InputSpec(name, shape, dtype, {"kind": "randint", "low": low, "high": high})


def as_spec(name: str, array: Array) -> InputSpec:
    """An input that is these numbers."""
    return InputSpec(name, array.shape, str(array.dtype), {"kind": "values", "data": array.ravel().tolist()})


def parse_arguments(text: str | None) -> dict[str, object] | None:
    """The constructor's arguments from a JSON table; None where none were given.

    Raises UsageError where it is not a table.
    """
    if text is None:
        return None
    try:
        found = json_value(text)
    except ValueError as error:
        raise UsageError(f"--arguments is not JSON: {error}.", hint="""--arguments '{"width": 64}'""") from error
    if not isinstance(found, dict):
        raise UsageError("--arguments is not a JSON table.", hint="""--arguments '{"width": 64}'""")
    return found
