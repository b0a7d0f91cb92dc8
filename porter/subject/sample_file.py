"""Reads a `--sample` file: one case, a list of cases, or {"cases": [...]}, as plain JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from porter.base.early_checks import check_class
from porter.base.errors import UsageError
from porter.base.reading import read_json
from porter.subject.case import Case, InputSpec, ModelCase
from porter.subject.sample_fields import check_case

FORMAT = "a case has inputs, models, and either config_module, config_class and config or arguments"
NUMBER_KINDS = {"randint", "normal", "uniform", "ones", "zeros", "arange", "values"}


def read_sample(path: Path, name: str) -> tuple[tuple[Case, ...], str]:
    """The cases of family or modeling file `name`, and the module that their models live in.

    Raises UsageError where the file is missing, is not JSON, breaks the format or has nothing for `name`.
    """
    cases = [case for case in _load(path) if _is_about(case, name)]
    if not cases:
        raise UsageError(f"The sample holds no case of {name!r}.", hint="its field family must match", place=str(path))
    try:
        module = str(cases[0]["models"][0]["module"])
        parsed = tuple(_case(case, module) for case in cases)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise UsageError(f"The sample is not understood: {error!r}.", hint=FORMAT, place=str(path)) from error
    return tuple(case for case in parsed if case.models), module


def keep_classes(cases: Sequence[Case], classes: Sequence[str]) -> tuple[Case, ...]:
    """Only the named model classes; all of them when none is named. Raises UsageError for a name not there."""
    known = {model.name for case in cases for model in case.models}
    for name in classes:
        check_class(name, sorted(known), "model class in the sample named")
    kept = (replace(case, models=tuple(m for m in case.models if not classes or m.name in classes)) for case in cases)
    return tuple(case for case in kept if case.models)


def _load(path: Path) -> list[dict[str, Any]]:
    data = read_json(path, FORMAT)
    if isinstance(data, dict):
        data = data.get("cases", [data])
    if not isinstance(data, list) or not all(isinstance(case, dict) for case in data):
        raise UsageError("The sample is neither a case nor a list of cases.", hint=FORMAT, place=str(path))
    for case in data:
        check_case(case, path)
    return data


def _is_about(case: Mapping[str, Any], name: str) -> bool:
    modules = [str(model.get("module", "")) for model in case.get("models", ()) if isinstance(model, dict)]
    return case.get("family", name) == name or any(_name_of(module) == name for module in modules)


def _name_of(module: str) -> str:
    return module.rpartition(".")[2].removeprefix("modeling_")


def _case(data: Mapping[str, Any], module: str) -> Case:
    models = tuple(_model(model) for model in data["models"] if model.get("module", module) == module)
    arguments = data.get("arguments")
    if arguments is not None and not isinstance(arguments, dict):
        raise TypeError("arguments is not a table")
    with_config = {"config_module": "", "config_class": "", "config": {}, **data} if arguments is not None else data
    return Case(
        id=str(data.get("id", with_config["config_class"] or models[0].name)),
        config_module=with_config["config_module"],
        config_class=with_config["config_class"],
        config=with_config["config"],
        inputs=_specs(data["inputs"]),
        models=models,
        arguments=arguments,
    )


def _model(data: Mapping[str, Any]) -> ModelCase:
    inputs = _specs(data["inputs"]) if data.get("inputs") else None
    return ModelCase(data["name"], inputs, bool(data.get("comparable", True)), data.get("noise"))


def _specs(data: Sequence[Mapping[str, Any]]) -> tuple[InputSpec, ...]:
    return tuple(_spec(spec) for spec in data)


def _spec(data: Mapping[str, Any]) -> InputSpec:
    kind = data["gen"]["kind"]
    if kind == "py":
        return InputSpec(data["name"], (), "", data["gen"])
    if kind not in NUMBER_KINDS:
        raise ValueError(f"unknown gen kind {kind}")
    return InputSpec(data["name"], tuple(data["shape"]), data["dtype"], data["gen"])
