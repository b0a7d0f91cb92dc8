"""What the fields of a `--sample` file may be: a sample is data, and is looked at before any of it is used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from porter.base.errors import UsageError

OF_A_CASE: Mapping[str, type] = {
    "id": str, "family": str, "config_module": str, "config_class": str, "config": dict, "inputs": list,
    "models": list, "arguments": dict,
}  # fmt: skip
OF_A_MODEL: Mapping[str, type] = {"name": str, "module": str, "inputs": list, "comparable": bool}
OF_AN_INPUT: Mapping[str, type] = {"name": str, "shape": list, "dtype": str, "gen": dict}
CONFIGURATION = ("config_module", "config_class", "config")
NEEDED = ("inputs", "models")
KINDS = ("arange", "normal", "ones", "py", "randint", "uniform", "values", "zeros")
FORMAT = "docs/sample.md says what a sample holds"
# Members of a gen that are numbers.
NUMBERS = ("low", "high", "std")
LARGEST_INPUT = 1 << 27
MOST_AXES = 8
JSON_NAMES = {str: "a string", dict: "a table", list: "a list", bool: "true or false"}


def check_case(case: Mapping[str, object], place: Path) -> None:
    """Refuse a case with a field of another type than it has, or an input that is too large to be made.

    Raises:
        UsageError: naming the field.
    """
    _check_types(case, OF_A_CASE, "case", place)
    _check_present(case, NEEDED if case.get("arguments") is not None else (*NEEDED, *CONFIGURATION), "case", place)
    _check_inputs(case, "case", place)
    for number, model in enumerate(_tables(case, "models", "case", place)):
        where = f"models[{number}]"
        _check_types(model, OF_A_MODEL, where, place)
        _check_present(model, ("name",), where, place)
        _check_inputs(model, where, place)


def _check_present(data: Mapping[str, object], fields: Sequence[str], where: str, place: Path) -> None:
    missing = [field for field in fields if data.get(field) is None]
    if missing:
        raise UsageError(f"The sample's {where}: {missing[0]} is missing.", hint=FORMAT, place=str(place))


def _check_kind(spec: Mapping[str, object], where: str, place: Path) -> None:
    """Refuse an unknown way of filling an input, and an array without its size."""
    gen = spec["gen"]
    assert isinstance(gen, dict)
    kind = gen.get("kind")
    if kind not in KINDS:
        raise UsageError(f"The sample's {where}: gen.kind is not one of {', '.join(KINDS)}.", place=str(place))
    if kind != "py":
        _check_present(spec, ("shape", "dtype"), where, place)


def _tables(data: Mapping[str, object], field: str, where: str, place: Path) -> list[Mapping[str, object]]:
    found = data.get(field) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UsageError(f"The sample's {where}: {field} is not a list of tables.", place=str(place))
    return found


def _check_types(data: Mapping[str, object], types: Mapping[str, type], where: str, place: Path) -> None:
    for field, kind in types.items():
        value = data.get(field)
        if value is not None and not isinstance(value, kind):
            raise UsageError(f"The sample's {where}: {field} is not {JSON_NAMES[kind]}.", place=str(place))


def _check_inputs(data: Mapping[str, object], where: str, place: Path) -> None:
    for number, spec in enumerate(_tables(data, "inputs", where, place)):
        here = f"{where}.inputs[{number}]"
        _check_types(spec, OF_AN_INPUT, here, place)
        _check_present(spec, ("name", "gen"), here, place)
        _check_kind(spec, here, place)
        reason = _wrong_array(spec)
        if reason:
            raise UsageError(f"The sample's {here}: {reason}.", place=str(place))


def _wrong_array(spec: Mapping[str, object]) -> str:
    """What is wrong with the shape, dtype and numbers of an input; empty where nothing is."""
    shape, dtype, gen = spec.get("shape") or [], spec.get("dtype"), spec.get("gen") or {}
    assert isinstance(shape, list) and isinstance(gen, dict)
    if not all(type(size) is int and 0 <= size <= LARGEST_INPUT for size in shape) or len(shape) > MOST_AXES:
        return f"shape is not a list of sizes up to {LARGEST_INPUT}"
    if math.prod(shape) > LARGEST_INPUT:
        return f"the shape {shape} holds more than {LARGEST_INPUT} numbers"
    wrong = [name for name in NUMBERS if not isinstance(gen.get(name, 0), int | float)]
    if wrong:
        return f"gen.{wrong[0]} is not a number"
    if dtype is not None:
        try:
            np.dtype(str(dtype))
        except TypeError:
            return f"there is no dtype {dtype}"
    return ""
