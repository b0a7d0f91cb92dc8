"""Cases for modules without a configuration of transformers: any `nn.Module` with its constructor's arguments."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from porter.base.errors import UsageError
from porter.base.reasons import kind_and_reason
from porter.runtime.model.json_arguments import ARGUMENTS, CLASS
from porter.subject.case import Case, InputSpec, ModelCase
from porter.subject.inputs.from_layers import inputs_from_layers
from porter.subject.locate import Location
from porter.subject.torch_model import RUN_ERRORS, constructed, parameters, trial_runs


@dataclass(frozen=True)
class Given:
    """What the user says of a plain module: the constructor's arguments, None for none said, and the inputs."""

    arguments: Mapping[str, object] | None = None
    inputs: tuple[InputSpec, ...] = ()


def is_plain(module: ModuleType, name: str) -> bool:
    """Whether a class of the module is an `nn.Module` that takes no configuration as transformers' models do."""
    from transformers import PreTrainedModel

    found = getattr(module, name, None)
    return name in module_classes(module) and not issubclass(found, PreTrainedModel)  # type: ignore[arg-type]


def module_classes(module: ModuleType) -> dict[str, Any]:
    """Every class of the module that is an `nn.Module` with a forward, by name, in the file's order."""
    import torch

    return {
        name: cls
        for name, cls in vars(module).items()
        if inspect.isclass(cls)
        and issubclass(cls, torch.nn.Module)
        and cls.__module__ == module.__name__
        and getattr(cls, "forward", None) is not torch.nn.modules.module._forward_unimplemented
    }


def outermost(source: str, names: Sequence[str]) -> list[str]:
    """Of these classes those that no other class of the file names: what the file is about."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    read = {
        inner.id
        for node in classes
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id != node.name
    }
    return [name for name in names if name not in read]


def plain_cases(location: Location, module: ModuleType, classes: Sequence[str], given: Given) -> tuple[Case, ...]:
    """One case: the classes, or else the one that the file is about, with the given arguments and inputs.

    Without inputs they are made from what the first layers take. Raises UsageError where no class or several come
    into question, where arguments do not fit, and where PyTorch does not run.
    """
    names = list(classes) or [_only_one(location, module)]
    arguments = dict(given.arguments or {})
    models = []
    for name in names:
        case = Case(name, "", "", {}, given.inputs, (ModelCase(name),), arguments)
        model = checked(case, getattr(module, name), location)
        inputs = given.inputs or inputs_from_layers(model)
        if not inputs:
            taken = ", ".join(inspect.signature(model.forward).parameters)
            hint = "--input NAME=2x3x32x32:float32, once for each, or --sample FILE"
            raise UsageError(f"No inputs are known for {name}.forward({taken}).", hint=hint, place=str(location.file))
        models.append(ModelCase(name, tuple(inputs)))
    first = models[0].inputs or ()
    shared = tuple(replace(model, inputs=None if model.inputs == first else model.inputs) for model in models)
    return (Case(location.name, "", "", {}, first, shared, arguments),)


def checked(case: Case, model_class: Any, location: Location) -> Any:
    """The model of a case, in eval mode.

    Raises UsageError where arguments are missing, unknown, or not what the constructor takes.
    """
    name, taken, arguments = model_class.__name__, parameters(model_class), case.arguments or {}
    variable = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    unknown = [] if variable else [key for key in arguments if key not in taken]
    needed = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        inspect.Parameter.KEYWORD_ONLY,
    )
    missing = [p.name for p in taken.values() if p.default is p.empty and p.kind in needed and p.name not in arguments]
    if missing or unknown:
        verb, listed = ("needs", missing) if missing else ("takes no", unknown)
        example = ", ".join(f'"{key}": ...' for key in missing or taken)
        hint = f"--arguments '{{{example}}}'"
        raise UsageError(f"{name}'s constructor {verb} {', '.join(listed)}.", hint=hint, place=str(location.file))
    try:
        with trial_runs():
            model = constructed(case, model_class).eval()
    except RUN_ERRORS as error:
        message = f"{name} cannot be constructed: {kind_and_reason(error)}"
        raise UsageError(message, hint="--arguments with values that it takes", place=str(location.file)) from error
    lazy = _lazy_layers(model)
    if lazy:
        message = f"{name} has lazy layers, whose sizes are only known once data came by: {', '.join(lazy)}."
        raise UsageError(message, hint="use the layers without Lazy and name their sizes", place=str(location.file))
    return model


def _lazy_layers(model: Any) -> list[str]:
    """The paths of the layers that have no weights yet because they wait for their first inputs."""
    from torch.nn.modules.lazy import LazyModuleMixin

    return [path for path, module in model.named_modules() if isinstance(module, LazyModuleMixin)]


def with_arguments(case: Case, module: ModuleType) -> Case:
    """A sample's case: where its first model takes no configuration of transformers, with that as an argument."""
    name = case.models[0].name
    if case.arguments is not None or not is_plain(module, name):
        return case
    first = next(iter(parameters(getattr(module, name))), None)
    if first is None:
        return replace(case, arguments={})
    return replace(case, arguments={first: {CLASS: case.config_class, ARGUMENTS: dict(case.config)}})


def _only_one(location: Location, module: ModuleType) -> str:
    known = module_classes(module)
    if not known:
        raise UsageError("The file has no class that is a torch.nn.Module with a forward.", place=str(location.file))
    found = outermost(location.file.read_text(encoding="utf-8"), list(known))
    if len(found) == 1:
        return found[0]
    listed = ", ".join(found or known)
    raise UsageError(f"The file has several modules: {listed}.", hint="--class NAME", place=str(location.file))
