"""What one side did: an ordered record of every module's inputs and outputs, as numpy."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from diffcheck.record.copies import Copies
from diffcheck.record.values import (
    Copy,
    Flattened,
    TensorValue,
    as_tensor,
    cache_children,
    children,
    flatten,
    is_cache,
    is_tensor,
)

Fingerprint = tuple[int, int]
_BLOCK = 1 << 16  # elements that stay in the processor's cache
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Opaque:
    """A value that is not a tensor and is passed on as it is: a configuration, a flag, a module."""

    value: object


@dataclass(frozen=True)
class FrozenCache:
    """A key-value cache as it was when a module was entered: ``state`` by path, and a copy to call with again."""

    state: Flattened
    live: object


@dataclass(frozen=True)
class ModuleCall:
    """One call of one module. ``order`` counts calls as they begin; ``number`` counts calls of this module.

    ``arguments`` are bound to parameter names; their tensors are numpy arrays (see :func:`freeze`).
    """

    path: str
    class_name: str
    order: int
    number: int
    arguments: Mapping[str, object]
    output: Flattened


Keep = Callable[[ModuleCall], ModuleCall]
"""Says what is kept of a call that has ended."""


def keep_all(call: ModuleCall) -> ModuleCall:
    """The call with all its tensors."""
    return call


@dataclass(frozen=True)
class Parameter:
    """A weight or buffer: its dotted name, shape, and a fingerprint that no transposition changes."""

    name: str
    shape: tuple[int, ...]
    fingerprint: Fingerprint
    constant: bool


@dataclass(frozen=True)
class Module:
    """A module of the tree: the parameters it and its descendants own, and where its class is written."""

    path: str
    class_name: str
    parameters: tuple[str, ...]
    file: str = ""
    line: int = 0


@dataclass(frozen=True)
class Structure:
    """The modules (parents before children) and parameters of one model; ``tied`` are further names of some."""

    framework: str
    modules: tuple[Module, ...]
    parameters: tuple[Parameter, ...]
    tied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Crash:
    """An exception that ended a run half way: where in the model's own files, and its sentence.

    ``callers`` are the lines of the same module from which the code at ``line`` was called, innermost first.
    ``loading`` says that the model did not even come to exist, ``interrupted`` that it was the user who ended it.
    """

    message: str
    file: str = ""
    line: int = 0
    module: str = ""
    callers: tuple[int, ...] = ()
    loading: bool = False
    interrupted: bool = False


@dataclass(frozen=True)
class Recording:
    """One run of one model. ``crash`` is set if it stopped half way, ``unfinished`` are the calls it broke off."""

    framework: str
    calls: tuple[ModuleCall, ...]
    output: Flattened
    crash: Crash | None = None
    unfinished: tuple[ModuleCall, ...] = ()

    def by_path(self) -> dict[str, list[ModuleCall]]:
        """The calls of each module, in order."""
        found: dict[str, list[ModuleCall]] = {}
        for call in self.calls:
            found.setdefault(call.path, []).append(call)
        return found


@dataclass
class Recorder:
    """Collects calls while a model runs; ``open`` holds the modules that have begun and not ended.

    ``copy`` copies a tensor to numpy, ``keep`` is given each call that has ended and says what is kept of it.
    """

    framework: str
    copy: Copy = field(default_factory=Copies)
    keep: Keep = keep_all
    calls: list[ModuleCall] = field(default_factory=list)
    open: list[ModuleCall] = field(default_factory=list)
    _begun: int = 0
    _numbers: dict[str, int] = field(default_factory=dict)

    def begin(self, path: str, class_name: str, arguments: Mapping[str, object]) -> None:
        """A module is entered with these arguments, which are copied."""
        number = self._numbers.get(path, 0)
        self._numbers[path] = number + 1
        frozen = {name: freeze(value, self.copy) for name, value in arguments.items()}
        self.open.append(ModuleCall(path, class_name, self._begun, number, frozen, Flattened({})))
        self._begun += 1

    def end(self, output: object) -> None:
        """The module that was entered last has returned."""
        self.calls.append(self.keep(replace(self.open.pop(), output=flatten(output, copy=self.copy))))

    def recording(self, output: object, crash: Crash | None = None) -> Recording:
        """Everything collected, in the order in which the modules were entered."""
        calls = tuple(sorted(self.calls, key=lambda call: call.order))
        return Recording(self.framework, calls, flatten(output, copy=self.copy), crash, tuple(self.open))


def freeze(value: object, copy: Copy | None = None) -> object:
    """Copy a nested value to numpy, keeping its containers; caches and foreign objects are wrapped."""
    tensor = (copy or as_tensor)(value) if is_tensor(value) else None
    if tensor is not None:
        return tensor
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_cache(value):
        state = flatten(dict(cache_children(value)), copy=copy)
        return FrozenCache(state, deepcopy(value))
    if isinstance(value, Mapping):
        return {str(key): freeze(part, copy) for key, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [freeze(part, copy) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    parts_of = children(value)
    return Opaque(value) if parts_of is None else {name: freeze(part, copy) for name, part in parts_of}


def bind(function: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
    """Arguments by parameter name, ``**kwargs`` merged in and ``*args`` as ``name.0``; nothing is frozen."""
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):
        return {**{f"args.{number}": value for number, value in enumerate(args)}, **kwargs}
    named: dict[str, object] = {}
    for name, parameter in bound.signature.parameters.items():
        if name not in bound.arguments:
            continue
        value = bound.arguments[name]
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            named.update(value)
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            named.update({f"{name}.{number}": part for number, part in enumerate(value)})
        else:
            named[name] = value
    return named


def flat_arguments(arguments: Mapping[str, object]) -> dict[str, TensorValue]:
    """The tensors among frozen arguments, by dotted path."""
    return dict(_frozen_tensors(arguments, ""))


def fingerprint(array: Array) -> Fingerprint:
    """Equal for arrays that hold the same numbers in any order: their count, and a sum over each element's bits.

    Texts, which files of other formats hold beside their weights, are told from each other in the same way.
    """
    if array.dtype.hasobject:
        array = array.astype(str)
    if array.dtype.kind == "f" and array.dtype.itemsize != 4:
        array = array.astype(np.float32)
    width = array.dtype.itemsize if array.dtype.itemsize in (2, 4, 8) else 1
    bits = np.ascontiguousarray(array).view(f"u{width}")
    total = np.uint64(0)
    with np.errstate(over="ignore"):
        for start in range(0, bits.size, _BLOCK):
            wide = bits.reshape(-1)[start : start + _BLOCK].astype(np.uint64)
            # A sum alone would not notice what one number gained and another lost; one of squares does.
            wide *= wide + np.uint64(0x9E3779B97F4A7C15)
            total += wide.sum(dtype=np.uint64)
    return int(array.size), int(total)


def _frozen_tensors(value: object, path: str) -> Iterator[tuple[str, TensorValue]]:
    if isinstance(value, TensorValue):
        yield path, value
    elif isinstance(value, FrozenCache):
        for name, tensor in value.state.tensors.items():
            yield f"{path}.{name}", tensor
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _frozen_tensors(part, f"{path}.{name}" if path else str(name))
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from _frozen_tensors(part, f"{path}.{number}" if path else str(number))
