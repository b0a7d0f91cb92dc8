"""The JSON schema of samples says what the reader of samples takes, and every sample here keeps to it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from porter.base.errors import UsageError
from porter.subject import sample_fields
from porter.subject.sample_file import NUMBER_KINDS

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "sample.schema.json").read_text())
SAMPLES = [*sorted((ROOT / "tests" / "ports").glob("*.json")), ROOT / "examples" / "brand_new_bert" / "sample.json"]
TYPES = {"string": str, "object": dict, "array": list, "boolean": bool}
CASE = {
    "config_module": "m",
    "config_class": "C",
    "config": {},
    "inputs": [{"name": "x", "shape": [2], "dtype": "float32", "gen": {"kind": "ones"}}],
    "models": [{"name": "M", "module": "m"}],
}


def cases(path: Path) -> list[Any]:
    data = json.loads(path.read_text())
    data = data.get("cases", data) if isinstance(data, dict) else data
    return data if isinstance(data, list) else [data]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("case", sample_fields.OF_A_CASE),
        ("model", sample_fields.OF_A_MODEL),
        ("input", sample_fields.OF_AN_INPUT),
    ],
)
def test_the_schema_has_the_readers_fields_and_types(name: str, table: Mapping[str, type]) -> None:
    properties = SCHEMA["$defs"][name]["properties"]
    read = {field: TYPES[properties[field]["type"]] for field in table}
    assert read == dict(table)


def test_the_schema_has_the_readers_kinds() -> None:
    kinds = SCHEMA["$defs"]["input"]["properties"]["gen"]["properties"]["kind"]["enum"]
    assert kinds == list(sample_fields.KINDS)
    assert set(kinds) == {*NUMBER_KINDS, "py"}


def required(name: str) -> list[str]:
    return list(SCHEMA["$defs"][name]["required"])


def pieces(case: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "case", case
    for model in case["models"]:
        yield "model", model
        yield from (("input", spec) for spec in model.get("inputs") or ())
    yield from (("input", spec) for spec in case["inputs"])


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_keeps_to_it(path: Path) -> None:
    for case in cases(path):
        sample_fields.check_case(case, path)
        assert [(name, piece) for name, piece in pieces(case) if not set(required(name)) <= set(piece)] == []


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("config", "case: config is missing."),
        ("models", "case: models is missing."),
        ("inputs.0.gen", "case.inputs[0]: gen is missing."),
        ("inputs.0.shape", "case.inputs[0]: shape is missing."),
        ("inputs.0.dtype", "case.inputs[0]: dtype is missing."),
        ("models.0.name", "models[0]: name is missing."),
    ],
)
def test_what_is_missing_is_named(field: str, sentence: str) -> None:
    case = json.loads(json.dumps(CASE))
    *way, last = field.split(".")
    part: Any = case
    for step in way:
        part = part[int(step) if step.isdigit() else step]
    del part[last]
    with pytest.raises(UsageError) as refused:
        sample_fields.check_case(case, Path("sample.json"))
    assert sentence in refused.value.sentence


def test_an_unknown_kind_is_named() -> None:
    case = json.loads(json.dumps(CASE))
    case["inputs"][0]["gen"]["kind"] = "random"
    with pytest.raises(UsageError, match=r"case\.inputs\[0\]: gen\.kind is not one of arange, normal"):
        sample_fields.check_case(case, Path("sample.json"))
