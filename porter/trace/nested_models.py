"""Finds the models of other files inside a model, with their configurations and what they are called with."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from porter.facts import NestedModel
from porter.subject.case import InputSpec

PLAIN = bool | int | float | str | None


@contextmanager
def nested_models(model: Any, local_modules: frozenset[str]) -> Iterator[list[NestedModel]]:
    """The list that fills, while `model` runs in the block, with the models of other files in it.

    Only outermost ones: what a model of another file holds belongs to the port of that file.
    """
    called: dict[Any, tuple[InputSpec, ...]] = {}

    def note(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        called.setdefault(module, tuple(_inputs(module, args, kwargs)))

    found = list(_outermost(model, local_modules))
    hooks = [module.register_forward_pre_hook(note, with_kwargs=True) for module in found]
    nested: list[NestedModel] = []
    try:
        yield nested
    finally:
        for hook in hooks:
            hook.remove()
    nested += [_described(module, called.get(module, ())) for module in found]


def _outermost(module: Any, local_modules: frozenset[str]) -> Iterator[Any]:
    from transformers import PreTrainedModel

    for child in module.children():
        if isinstance(child, PreTrainedModel) and type(child).__module__ not in local_modules:
            yield child
        else:
            yield from _outermost(child, local_modules)


def _described(module: Any, inputs: tuple[InputSpec, ...]) -> NestedModel:
    cls, config = type(module), type(module.config)
    values = json.loads(module.config.to_json_string(use_diff=False))
    return NestedModel(cls.__module__, cls.__name__, config.__module__, config.__name__, values, inputs)


def _inputs(module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[InputSpec]:
    """The arguments that a sample can hold; caches and masks in dictionaries are made by the model itself."""
    import torch

    bound = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    taken = inspect.signature(module.forward).parameters
    extra = next((name for name, p in taken.items() if p.kind is p.VAR_KEYWORD), None)
    given = {**bound, **bound.get(extra or "", {})}
    for name, value in given.items():
        if name == extra:
            continue
        if isinstance(value, torch.Tensor):
            yield _spec(name, value)
        elif isinstance(value, PLAIN) and value is not None:
            yield InputSpec(name, (), "", {"kind": "py", "value": value})


def _spec(name: str, value: Any) -> InputSpec:
    shape, dtype = tuple(value.shape), str(value.dtype).removeprefix("torch.")
    if value.is_floating_point():
        return InputSpec(name, shape, "float32", {"kind": "normal", "std": 1.0})
    return InputSpec(name, shape, dtype, {"kind": "values", "data": value.flatten().tolist()})
