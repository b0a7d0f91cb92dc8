"""PyTorch models of a case, with strong weights."""

from __future__ import annotations

import copy
import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, ModuleType
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.runtime.model.json_arguments import as_objects
from porter.subject.case import Case, Subject
from porter.subject.strong_weights import strengthen

RUN_ERRORS: tuple[type[Exception], ...] = (Exception,)
"""What the code of a model may raise on inputs or a configuration that it does not take: anything, its authors' own
exceptions included. It is caught around calls of that code alone, so that no mistake of porter's own hides behind it.
"""


@contextmanager
def trial_runs() -> Iterator[None]:
    """Runs of foreign code on odd inputs: its warnings say nothing, one thread is fastest for tiny tensors."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)


def build_config(case: Case, **changes: object) -> Any:
    """The case's configuration with eager attention; `changes` override its fields.

    Raises:
        UsageError: what the case names is not a configuration class, or does not take these fields.
    """
    from transformers import PretrainedConfig

    try:
        config_class = getattr(importlib.import_module(case.config_module), case.config_class)
        if not isinstance(config_class, type) or not issubclass(config_class, PretrainedConfig):
            raise TypeError(f"{case.config_module}.{case.config_class} is not a configuration class")
        config = config_class(**copy.deepcopy({**case.config, **changes}))
    except Exception as error:
        message = f"{case.config_class} does not take this configuration: {error}"
        raise UsageError(message, hint="correct the case's config", place=case.id) from error
    config._attn_implementation = "eager"
    return config


def constructed(case: Case, model_class: Any, changes: Mapping[str, object] = MappingProxyType({})) -> Any:
    """A model of the class with the arguments of the case; `changes` override them, or fields of what they hold.

    Raises UsageError where a class is named that is not there.
    """
    arguments = constructor_arguments(case, model_class)
    for name, value in changes.items():
        if name in parameters(model_class):
            arguments[name] = value
        for holder in arguments.values():
            if name in getattr(holder, "__dict__", ()):
                setattr(holder, name, value)
    return model_class(**arguments)


def constructor_arguments(case: Case, model_class: Any) -> dict[str, Any]:
    """The arguments of the case as the class takes them, made anew at each call.

    Raises UsageError where a class is named that is not there.
    """
    names = {**_names_of(case.config_module), **vars(sys.modules[model_class.__module__])}
    try:
        return as_objects(copy.deepcopy(dict(case.arguments or {})), model_class, names)
    except LookupError as error:
        raise UsageError(f"{model_class.__name__} cannot be made: {error.args[0]}.", place=case.id) from error


def parameters(model_class: Any) -> Mapping[str, inspect.Parameter]:
    """The parameters of the class's constructor."""
    return inspect.signature(model_class).parameters


def _names_of(module: str) -> Mapping[str, object]:
    return vars(importlib.import_module(module)) if module else {}


def build_torch_model(
    subject: Subject,
    case: Case,
    class_name: str,
    module: ModuleType | None = None,
    config: Any = None,
    changes: Mapping[str, object] = MappingProxyType({}),
) -> Any:
    """The PyTorch model with strong weights, in eval mode, with eager attention.

    `module` holds the class instead of the original module (the watched copy); `config` replaces the case's, and
    `changes` some of its arguments where it has such.
    """
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # some models draw from numpy's global state while they are built
    model_class = getattr(module or importlib.import_module(subject.module_name), class_name, None)
    if not isinstance(model_class, type) or not issubclass(model_class, torch.nn.Module):
        raise UsageError(f"{subject.module_name} has no model class {class_name}.", hint="correct the case's models")
    if case.arguments is not None:
        model = constructed(case, model_class, changes)
    else:
        model = model_class(build_config(case) if config is None else config)
    strengthen(model.eval())
    return model
