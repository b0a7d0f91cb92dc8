"""Turns a value that a run has produced into a Fact, cheaply: values that look alike are described once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Hashable
from types import ModuleType
from typing import Any

import numpy as np

from porter.facts import Fact
from porter.facts.canonical import CACHED, ROUTINES, canonical, unwrapped

LONGEST_SEQUENCE = 16
LONGEST_STRING = 200
DEEPEST = 4


class Describer:
    """Facts of values; `local_modules` are the names of the modules that count as the file itself."""

    def __init__(self, local_modules: Collection[str]) -> None:
        self._local_modules = local_modules
        self._kinds: dict[type, str] = {}
        self._facts: dict[Hashable, Fact] = {}

    def signature(self, value: Any, depth: int = 0) -> Hashable:
        """Equal for values with equal facts, and much cheaper than a fact."""
        cls = type(value)
        kind = self._kinds.get(cls) or self._learn(cls)
        if kind == "tensor":
            return cls, value.shape, value.dtype
        if kind in CONSTANTS:
            return cls, value
        if kind in SEQUENCES or kind in MAPPINGS:
            if len(value) > LONGEST_SEQUENCE or depth == DEEPEST:
                return cls, len(value)
            if kind in SEQUENCES:
                return cls, tuple([self.signature(item, depth + 1) for item in value])
            return cls, tuple([(str(key), self.signature(item, depth + 1)) for key, item in value.items()])
        if kind == "function":
            return _function_signature(value)
        if kind in {"class", "dtype", "device"}:
            return cls, value
        if isinstance(value, np.ndarray):
            return cls, value.dtype, value.ndim
        return (cls, repr(value)) if kind == "slice" else (cls,)

    def fact(self, value: Any, signature: Hashable | None = None, depth: int = 0) -> Fact:
        """What is said about this value."""
        signature = self.signature(value, depth) if signature is None else signature
        fact = self._facts.get(signature)
        if fact is None:
            fact = self._facts[signature] = self._describe(value, depth)
        return fact

    def _describe(self, value: Any, depth: int) -> Fact:
        kind = self._kinds.get(type(value)) or self._learn(type(value))
        kinds = frozenset({kind})
        if kind == "tensor":
            return Fact(kinds, _tensor_names(value), value.dim(), _plain(value.dtype), tuple(map(int, value.shape)))
        if kind in CONSTANTS:
            short = not isinstance(value, str) or len(value) <= LONGEST_STRING
            return Fact.constant(value.item() if isinstance(value, np.generic) else value) if short else Fact(kinds)
        if kind in SEQUENCES:
            return self._sequence(value, kind, depth)
        if kind == "slice":
            return Fact.sequence([self.fact(part) for part in (value.start, value.stop, value.step)], kind)
        if kind in {"dtype", "device"}:
            return Fact(kinds, frozenset({str(value)}), has_value=True, value=_plain(value))
        names = frozenset({canonical(value, self._local_modules)})
        if kind in MAPPINGS and len(value) <= LONGEST_SEQUENCE and depth < DEEPEST:
            entries = sorted((str(key), self.fact(item, depth=depth + 1)) for key, item in value.items())
            return Fact(kinds, names, entries=tuple(entries))
        if isinstance(value, np.ndarray):
            return Fact(kinds, names, value.ndim, str(value.dtype))
        return Fact(kinds, names)

    def _sequence(self, value: Any, kind: str, depth: int) -> Fact:
        """A torch.Size also says its rank and dims."""
        if len(value) > LONGEST_SEQUENCE or depth == DEEPEST:
            return Fact(frozenset({kind}))
        items = tuple(self.fact(item, depth=depth + 1) for item in value)
        if kind == "shape":
            return Fact(frozenset({kind}), rank=len(value), dims=tuple(map(int, value)), items=items)
        return Fact(frozenset({kind}), items=items)

    def _learn(self, cls: type) -> str:
        kind = self._kinds[cls] = next((kind for base, kind in _kinds_by_base() if issubclass(cls, base)), "other")
        return kind


CONSTANTS = frozenset({"none", "bool", "int", "float", "str"})
SEQUENCES = frozenset({"tuple", "list", "shape"})
MAPPINGS = frozenset({"dict", "output"})


@functools.cache
def _kinds_by_base() -> tuple[tuple[type, str], ...]:
    """The first base that fits gives the kind."""
    import torch
    from transformers import PretrainedConfig
    from transformers.cache_utils import Cache
    from transformers.utils import ModelOutput

    return (
        (torch.Tensor, "tensor"), (type(None), "none"), (bool, "bool"), (int, "int"), (float, "float"), (str, "str"),
        (torch.Size, "shape"), (tuple, "tuple"), (list, "list"), (ModelOutput, "output"), (dict, "dict"),
        (np.bool_, "bool"), (np.integer, "int"), (np.floating, "float"),
        (torch.nn.Module, "module"), (type, "class"), (torch.dtype, "dtype"), (torch.device, "device"),
        (slice, "slice"), (PretrainedConfig, "config"), (Cache, "cache"),
        *((routine, "function") for routine in (*ROUTINES, CACHED, functools.partial)),
    )  # fmt: skip


def _function_signature(value: Any) -> Hashable:
    value = unwrapped(value)
    bound_to = getattr(value, "__self__", None)
    place = bound_to if inspect.isclass(bound_to) or isinstance(bound_to, ModuleType) else type(bound_to)
    function = getattr(value, "__func__", value)
    identity = getattr(function, "__code__", None) or getattr(function, "__name__", None)
    return type(value), place, getattr(function, "__module__", None), getattr(function, "__qualname__", None), identity


def _tensor_names(value: Any) -> frozenset[str]:
    import torch

    return frozenset({"torch.nn.Parameter"}) if isinstance(value, torch.nn.Parameter) else frozenset()


def _plain(value: object) -> str:
    return str(value).removeprefix("torch.")
