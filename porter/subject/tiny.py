"""Cases without a sample: each model class of a file, tiny, with inputs that PyTorch was seen to run."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from types import MappingProxyType, ModuleType
from typing import Any

from porter.base.early_checks import check_class
from porter.base.errors import UsageError
from porter.base.installed import absent
from porter.base.reading import read_text
from porter.base.reasons import kind_reason_and_line
from porter.subject.case import Case, InputSpec, ModelCase
from porter.subject.inputs.arrays import numpy_inputs
from porter.subject.inputs.from_error import corrected
from porter.subject.inputs.from_signature import possible_inputs
from porter.subject.inputs.known_inputs import Specs
from porter.subject.inputs.modalities import modalities_of
from porter.subject.inputs.placeholders import with_placeholders
from porter.subject.inputs.variation import torch_inputs
from porter.subject.locate import Location
from porter.subject.plausible_sizes import check_sizes
from porter.subject.shrink import STRATEGIES, shrink
from porter.subject.torch_model import RUN_ERRORS, trial_runs
from porter.subject.written_for import mismatch

MOST_PARAMETERS = 30_000_000
MOST_TRIALS = 100
NOT_OF_THE_MODEL = {"architectures", "auto_map", "dtype", "torch_dtype", "transformers_version", "_name_or_path",
                    "model_type", "_attn_implementation"}  # fmt: skip


def tiny_cases(location: Location, classes: Sequence[str] = ()) -> tuple[tuple[Case, ...], dict[str, str]]:
    """One case per configuration, base model first; and for each class that never ran, why.

    Raises UsageError where the file cannot be imported, has no model classes, or not the named ones, or none runs.
    """
    check_sizes(location.config_values, location.file)
    module = imported(location)
    models = model_classes(module)
    if not models:
        raise UsageError("The file has no model class (a PreTrainedModel with a forward).", place=str(location.file))
    for name in classes:
        check_class(name, models)
    cases: dict[str, Case] = {}
    failures: dict[str, str] = {}
    errors: list[Exception] = []
    for name, model_class in models.items():
        if classes and name not in classes:
            continue
        try:
            with trial_runs():
                case = tiny_case(location.name, model_class, location.config_values)
        except RUN_ERRORS as error:
            failures[name] = kind_reason_and_line(error, location.file)
            errors.append(error)
            continue
        _add(cases, case)
    if not cases:
        raise _none_runs(location, failures, errors, vars(module))
    return tuple(cases.values()), failures


def _none_runs(
    location: Location, failures: Mapping[str, str], errors: Sequence[Exception], names: Mapping[str, Any]
) -> UsageError:
    """The error for a file none of whose models could be made and run."""
    saved_with = location.config_values.get("transformers_version")
    found = (mismatch(error, read_text(location.file), names, saved_with) for error in errors)
    other = next((each for each in found if each is not None), None)
    reasons = "; ".join(f"{model}: {reason}" for model, reason in failures.items())
    sentence = f"No tiny configuration of {location.file.name} could be run ({reasons})"
    sentence += f": {other.sentence}." if other is not None else "."
    hint = "--sample FILE with a configuration and inputs that run"
    return UsageError(sentence, hint=f"{hint}; or {other.hint}" if other is not None else hint)


def model_classes(module: ModuleType) -> dict[str, Any]:
    """Every class with a forward that is a PreTrainedModel of this module, by name, in the file's order."""
    import torch
    from transformers import PreTrainedModel

    public = getattr(module, "__all__", None)
    return {
        name: cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, PreTrainedModel)
        and cls.__module__ == module.__name__
        and getattr(cls, "forward", None) is not torch.nn.Module.forward
        and (public is None or name in public)
    }


def imported(location: Location) -> ModuleType:
    """The module of a file. Raises UsageError with what it raised while it was imported."""
    try:
        return importlib.import_module(location.module_name)
    except Exception as error:
        missing = absent(error, str(location.file)) if isinstance(error, ImportError) else None
        if missing is not None:
            raise missing from error
        other = mismatch(error, read_text(location.file), {}, location.config_values.get("transformers_version"))
        because = f"{error}; {other.sentence}" if other is not None else f"{error}"
        sentence = f"The file cannot be imported: {because}."
        raise UsageError(sentence, place=str(location.file), hint=other.hint if other else "") from error


def tiny_case(identity: str, model_class: Any, values: Mapping[str, object] = MappingProxyType({})) -> Case:
    """The smallest configuration and the fullest inputs that PyTorch runs the class on; else the first error.

    `values` are a checkpoint's configuration, which is shrunk instead of the default one.
    """
    first_error: Exception | None = None
    partial: Case | None = None
    given = {name: value for name, value in values.items() if name not in NOT_OF_THE_MODEL}
    config_class = model_class.config_class
    for strategy in STRATEGIES:
        try:
            config = _merged(given, shrink(config_class(**given), strategy))
            built = _built(model_class, config_class(**config))
            inputs = inputs_that_run(built)
        except RUN_ERRORS as error:
            first_error = first_error or error
            continue
        model = ModelCase(model_class.__name__)
        case = Case(identity, config_class.__module__, config_class.__name__, config, inputs, (model,))
        if _has_all(built, inputs):
            return case
        partial = partial or case
    if partial is not None:
        return partial
    raise first_error or ValueError("no configuration")


def _merged(given: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with some values changed; of its sub-configurations, too, the others stay as they were given."""
    merged = {**given, **changed}
    for name, value in changed.items():
        if isinstance(value, Mapping) and isinstance(given.get(name), Mapping):
            own = {key: each for key, each in given[name].items() if key not in NOT_OF_THE_MODEL}
            merged[name] = _merged(own, value)
    return merged


def _has_all(model: Any, inputs: Sequence[InputSpec]) -> bool:
    """Whether the inputs have images, videos or sound where the model takes such beside its ids."""
    taken = {modality.argument for modality in modalities_of(model)}
    return not taken or any(spec.name in taken for spec in inputs)


def _built(model_class: Any, config: Any) -> Any:
    import torch

    config._attn_implementation = "eager"
    with torch.device("meta"):
        trial = model_class(copy.deepcopy(config))  # some constructors change their configuration
        size = sum(parameter.numel() for parameter in trial.parameters())
    if size > MOST_PARAMETERS:
        raise ValueError(f"the configuration could not be made smaller than {size} parameters")
    return model_class(config).eval()


def inputs_that_run(model: Any) -> tuple[InputSpec, ...]:
    """The fullest inputs that PyTorch runs; else the first attempt's error, or ValueError where nothing is known."""
    import torch

    first_error: Exception | None = None
    waiting = chain(with_placeholders(model), possible_inputs(model.forward, model.config))
    tried: list[Specs] = []
    while (specs := next(waiting, None)) is not None:
        if specs in tried:
            continue
        tried.append(specs)
        try:
            with torch.no_grad():
                model(**torch_inputs(model, numpy_inputs(specs)))
            return specs
        except RUN_ERRORS as error:
            first_error = first_error or error
            if len(tried) < MOST_TRIALS:
                waiting = chain(corrected(specs, error), waiting)
    parameters = ", ".join(inspect.signature(model.forward).parameters)
    raise first_error or ValueError(f"no inputs are known for forward({parameters})")


def _add(cases: dict[str, Case], new: Case) -> None:
    """Classes with the same configuration share a case; inputs that differ from the case's are the model's own."""
    key = f"{new.config_class} {new.config}"
    if key not in cases:
        cases[key] = replace(new, id=f"{new.id}-{len(cases) + 1}" if cases else new.id)
        return
    own = None if new.inputs == cases[key].inputs else new.inputs
    cases[key] = replace(cases[key], models=(*cases[key].models, replace(new.models[0], inputs=own)))
