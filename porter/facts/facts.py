"""Everything that the runs have shown of one file: frozen, mergeable, saved as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from porter.facts.fact import UNSEEN, Fact, Json, _merge_dims, _strings
from porter.facts.span import Span
from porter.subject.case import InputSpec


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
    beside: module name -> the facts of a file of the same package that ran with it.
    """

    spans: Mapping[Span, Fact] = field(default_factory=lambda: MappingProxyType({}))
    modules: Mapping[str, ModuleFact] = field(default_factory=lambda: MappingProxyType({}))
    entered: frozenset[Span] = frozenset()
    failures: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    nested: tuple[NestedModel, ...] = ()
    beside: Mapping[str, Facts] = field(default_factory=lambda: MappingProxyType({}))

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
        beside = dict(self.beside)
        for name, facts in other.beside.items():
            beside[name] = beside[name].merge(facts) if name in beside else facts
        entered, failures = self.entered | other.entered, {**self.failures, **other.failures}
        return Facts(spans, modules, entered, failures, nested, beside)

    def to_json(self) -> Json:
        """A JSON document; spans are written as "line:column-line:column"."""
        return {
            "spans": {str(span): fact.to_json() for span, fact in sorted(self.spans.items())},
            "modules": {name: module.to_json() for name, module in self.modules.items()},
            "entered": [str(span) for span in sorted(self.entered)],
            "failures": dict(self.failures),
            "nested": [model.to_json() for model in self.nested],
            "beside": {name: facts.to_json() for name, facts in self.beside.items()},
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
            beside={name: cls.from_json(facts) for name, facts in data["beside"].items()},
        )
