"""What PyTorch said about each expression of a modeling file: frozen, mergeable, saved as JSON.

A Fact describes every value that was seen at one place. Merging keeps what agrees: a dimension that differs
between two runs becomes None, an int that differs loses its value, None beside a tensor makes it optional.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from porter.subject.case import InputSpec

Constant = bool | int | float | str | None
Json = Mapping[str, object]
Entry = TypeVar("Entry")

SEQUENCES = frozenset({"tuple", "list", "shape", "slice"})
NAMED = frozenset({"dict", "output"})
NONE = frozenset({"none"})


@dataclass(frozen=True, order=True)
class Span:
    """A place in the file. Lines count from 1, columns are characters counted from 0, as LibCST has them."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}-{self.end_line}:{self.end_column}"

    @classmethod
    def parse(cls, text: str) -> Span:
        """The inverse of `str(span)`."""
        start, end = text.split("-")
        line, column = start.split(":")
        end_line, end_column = end.split(":")
        return cls(int(line), int(column), int(end_line), int(end_column))


@dataclass(frozen=True)
class Fact:
    """All values seen at one place.

    kinds: tensor int float bool str none tuple list dict shape (torch.Size) module (torch.nn.Module) class
        function dtype device slice config cache output other.
    names: canonical names of callables and classes, and of the class of a module or other object.
    rank, dtype, dims: of the tensors; None = unknown, or differing between runs.
    value: the constant, valid only where `has_value` (a dtype's value is "float32", a device's "cpu").
    items: elements of a tuple, list, shape or slice (start, stop, step) whose length agrees.
    entries: values of a dict or model output by key, as sorted pairs; the union of all keys seen.
    """

    kinds: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    rank: int | None = None
    dtype: str | None = None
    dims: tuple[int | None, ...] | None = None
    has_value: bool = False
    value: Constant = None
    items: tuple[Fact, ...] | None = None
    entries: tuple[tuple[str, Fact], ...] | None = None

    @classmethod
    def constant(cls, value: Constant) -> Fact:
        """The fact of a python constant."""
        kind = "none" if value is None else type(value).__name__
        return cls(kinds=frozenset({kind}), has_value=True, value=value)

    @classmethod
    def sequence(cls, items: Sequence[Fact | None], kind: str = "tuple") -> Fact:
        """The fact of a tuple (or list, shape, slice) of these elements; None is an element never seen."""
        return cls(kinds=frozenset({kind}), items=tuple(item or UNSEEN for item in items))

    @property
    def optional(self) -> bool:
        """Whether None was seen beside other values."""
        return "none" in self.kinds and len(self.kinds) > 1

    @property
    def is_none(self) -> bool:
        """Whether only None was seen."""
        return self.kinds == NONE

    @property
    def is_tensor(self) -> bool:
        """Whether only tensors were seen, None aside."""
        return self.only("tensor")

    def only(self, *kinds: str) -> bool:
        """Whether only values of these kinds were seen, None aside."""
        seen = self.kinds - NONE
        return bool(seen) and seen <= set(kinds)

    def merge(self, other: Fact) -> Fact:
        """The fact of the values of both: what agrees stays."""
        if self == other or other == UNSEEN:
            return self
        if self == UNSEEN:
            return other
        kinds = self.kinds | other.kinds
        rank, dtype, dims = _merge_tensors([fact for fact in (self, other) if fact.kinds & {"tensor", "shape"}])
        has_value = _same_value(self, other)
        return Fact(
            kinds=kinds,
            names=self.names | other.names,
            rank=rank,
            dtype=dtype,
            dims=dims,
            has_value=has_value,
            value=self.value if has_value else None,
            items=_merge_items([fact.items for fact in (self, other) if fact.kinds & SEQUENCES]),
            entries=_merge_entries([fact.entries for fact in (self, other) if fact.kinds & NAMED]),
        )

    def to_json(self) -> Json:
        """Only the fields that say something."""
        data: dict[str, object] = {"kinds": sorted(self.kinds)}
        if self.names:
            data["names"] = sorted(self.names)
        data |= {key: value for key in ("rank", "dtype", "dims") if (value := getattr(self, key)) is not None}
        if self.has_value:
            data["value"] = self.value
        if self.items is not None:
            data["items"] = [item.to_json() for item in self.items]
        if self.entries is not None:
            data["entries"] = {key: entry.to_json() for key, entry in self.entries}
        return data

    @classmethod
    def from_json(cls, data: Json) -> Fact:
        """The inverse of `to_json`."""
        given: dict[str, object] = dict(data)
        items, entries, dims = given.pop("items", None), given.pop("entries", None), given.pop("dims", None)
        return cls(
            kinds=frozenset(_strings(given.pop("kinds", ()))),
            names=frozenset(_strings(given.pop("names", ()))),
            dims=tuple(dims) if isinstance(dims, list | tuple) else None,
            has_value="value" in given,
            items=tuple(cls.from_json(item) for item in items) if isinstance(items, list) else None,
            entries=tuple((k, cls.from_json(v)) for k, v in entries.items()) if isinstance(entries, dict) else None,
            **given,  # type: ignore[arg-type]  # rank, dtype and value, as they were written
        )


UNSEEN = Fact()


@dataclass(frozen=True)
class ModuleFact:
    """What the instances of one torch.nn.Module class of the file own, merged over all instances.

    children: attribute -> canonical class names; members of a ModuleList, ModuleDict or Sequential as "attr.*".
    parameters: name -> shape (a size that differs between instances is None; the whole shape where ranks differ).
    buffers: name -> whether it is persistent, that is part of the checkpoint.
    """

    children: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parameters: Mapping[str, tuple[int | None, ...] | None] = field(default_factory=dict)
    buffers: Mapping[str, bool] = field(default_factory=dict)

    def merge(self, other: ModuleFact) -> ModuleFact:
        """The union of attributes."""
        children = dict(self.children)
        for name, classes in other.children.items():
            children[name] = children.get(name, frozenset()) | classes
        parameters = dict(self.parameters)
        for name, shape in other.parameters.items():
            parameters[name] = _merge_dims([parameters.get(name, shape), shape])
        return ModuleFact(children, parameters, {**self.buffers, **other.buffers})

    def to_json(self) -> Json:
        """Plain lists and dictionaries."""
        children = {name: sorted(classes) for name, classes in self.children.items()}
        return {"children": children, "parameters": dict(self.parameters), "buffers": dict(self.buffers)}

    @classmethod
    def from_json(cls, data: Mapping[str, Mapping[str, object]]) -> ModuleFact:
        """The inverse of `to_json`."""
        return cls(
            children={name: frozenset(_strings(classes)) for name, classes in data["children"].items()},
            parameters={n: tuple(s) if isinstance(s, list | tuple) else None for n, s in data["parameters"].items()},
            buffers={name: bool(persistent) for name, persistent in data["buffers"].items()},
        )


@dataclass(frozen=True)
class NestedModel:
    """A model of another file that a model of this file holds.

    module, class_name: where PyTorch's class is.
    config: its configuration's values, to be given to config_class of config_module.
    inputs: the tensors and numbers it was called with, as samples write them; empty if it was never called.
    """

    module: str
    class_name: str
    config_module: str
    config_class: str
    config: Mapping[str, Any]
    inputs: tuple[InputSpec, ...] = ()

    @property
    def name(self) -> str:
        """The canonical name of the class."""
        return f"{self.module}.{self.class_name}"

    def to_json(self) -> Json:
        """Plain lists and dictionaries."""
        return {**vars(self), "inputs": [vars(spec) for spec in self.inputs]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> NestedModel:
        """The inverse of `to_json`."""
        inputs = (InputSpec(**{**spec, "shape": tuple(spec["shape"])}) for spec in data["inputs"])
        return cls(**{**data, "inputs": tuple(inputs)})


@dataclass(frozen=True)
class Facts:
    """Everything that the runs have shown of one file.

    spans: expression, parameter name or literal -> Fact.
    modules: class name (as in the file) -> ModuleFact.
    entered: spans of the function definitions that were entered at least once.
    failures: model class -> why it could not be run; whatever only it reaches has no fact.
    nested: the models of other files that were seen inside.
    """

    spans: Mapping[Span, Fact] = field(default_factory=lambda: MappingProxyType({}))
    modules: Mapping[str, ModuleFact] = field(default_factory=lambda: MappingProxyType({}))
    entered: frozenset[Span] = frozenset()
    failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    nested: tuple[NestedModel, ...] = ()

    def at(self, span: Span) -> Fact | None:
        """The fact of the expression with exactly this span; None where no run has come by."""
        return self.spans.get(span)

    def merge(self, other: Facts) -> Facts:
        """The facts of both sets of runs."""
        spans = dict(self.spans)
        for span, fact in other.spans.items():
            spans[span] = spans.get(span, UNSEEN).merge(fact)
        modules = dict(self.modules)
        for name, module in other.modules.items():
            modules[name] = modules.get(name, ModuleFact()).merge(module)
        nested = self.nested + tuple(model for model in other.nested if model not in self.nested)
        return Facts(spans, modules, self.entered | other.entered, {**self.failures, **other.failures}, nested)

    def to_json(self) -> Json:
        """A JSON document; spans are written as "line:column-line:column"."""
        return {
            "spans": {str(span): fact.to_json() for span, fact in sorted(self.spans.items())},
            "modules": {name: module.to_json() for name, module in self.modules.items()},
            "entered": [str(span) for span in sorted(self.entered)],
            "failures": dict(self.failures),
            "nested": [model.to_json() for model in self.nested],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """The inverse of `to_json`."""
        return cls(
            spans={Span.parse(span): Fact.from_json(fact) for span, fact in data["spans"].items()},
            modules={name: ModuleFact.from_json(module) for name, module in data["modules"].items()},
            entered=frozenset(Span.parse(span) for span in data["entered"]),
            failures=dict(data["failures"]),
            nested=tuple(NestedModel.from_json(model) for model in data["nested"]),
        )


def _same_value(left: Fact, right: Fact) -> bool:
    """True == 1 in python, but they are two values here; both kinds must be one and the same."""
    return left.has_value and right.has_value and left.kinds == right.kinds and left.value == right.value


def _merge_tensors(facts: Sequence[Fact]) -> tuple[int | None, str | None, tuple[int | None, ...] | None]:
    rank = _agreed(fact.rank for fact in facts)
    return rank, _agreed(fact.dtype for fact in facts), _merge_dims([fact.dims for fact in facts])


def _merge_dims(shapes: Sequence[tuple[int | None, ...] | None]) -> tuple[int | None, ...] | None:
    known = [shape for shape in shapes if shape is not None]
    if not known or len(known) < len(shapes) or len({len(shape) for shape in known}) > 1:
        return None
    return tuple(_agreed(sizes) for sizes in zip(*known, strict=True))


def _merge_items(sides: Sequence[tuple[Fact, ...] | None]) -> tuple[Fact, ...] | None:
    known = [items for items in sides if items is not None]
    if not known or len(known) < len(sides) or len({len(items) for items in known}) > 1:
        return None
    if len(known) == 1:
        return known[0]
    return tuple(left.merge(right) for left, right in zip(*known, strict=True))


def _merge_entries(sides: Sequence[tuple[tuple[str, Fact], ...] | None]) -> tuple[tuple[str, Fact], ...] | None:
    merged: dict[str, Fact] = {}
    if not sides or None in sides:
        return None
    for entries in sides:
        for key, fact in entries or ():
            merged[key] = merged.get(key, UNSEEN).merge(fact)
    return tuple(sorted(merged.items()))


def _agreed(values: Iterable[Entry]) -> Entry | None:
    distinct = set(values)
    return distinct.pop() if len(distinct) == 1 else None


def _strings(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list | tuple) else []
