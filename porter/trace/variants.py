"""Other configurations of the same model: each switch that the file reads, turned the other way."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from porter.subject.torch_model import RUN_ERRORS

Changes = Mapping[str, bool | str]

# Switches for whoever calls the model; the extra runs use them as arguments.
CALLERS = {"return_dict", "use_return_dict", "output_attentions", "output_hidden_states", "use_cache", "torchscript"}


def switches(config: Any, sources: Sequence[str]) -> Iterator[Changes]:
    """One change each: a flag turned over, or a string set to another value that the files compare it with."""
    choices: dict[str, set[str]] = {}
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        name = _field(node)
        if name is not None:
            choices.setdefault(name, set())
        elif isinstance(node, ast.Compare) and (name := _field(node.left)) is not None:
            choices.setdefault(name, set()).update(_strings(node.comparators[0]))
    for name in sorted(choices.keys() - CALLERS):
        for value in sorted({value for part in _parts(config) if (value := _switch(part, name)) is not None}, key=str):
            others = [not value] if isinstance(value, bool) else sorted(choices[name] - {value})
            yield from ({name: other} for other in others)


def argument_switches(model_class: Any, arguments: Mapping[str, object], sources: Sequence[str]) -> Iterator[Changes]:
    """The same of a constructor's own arguments, given or by default; strings are those it compares them with."""
    choices: dict[str, set[str]] = {}
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name | ast.Attribute):
            name = node.left.id if isinstance(node.left, ast.Name) else node.left.attr
            choices.setdefault(name, set()).update(_strings(node.comparators[0]))
    for name, parameter in inspect.signature(model_class).parameters.items():
        value = arguments.get(name, parameter.default)
        if isinstance(value, bool):
            yield {name: not value}
        elif isinstance(value, str):
            yield from ({name: other} for other in sorted(choices.get(name, set()) - {value}))


def class_texts(source: str) -> Mapping[str, str]:
    """The text of each class of the file."""
    lines = source.split("\n")
    classes = (node for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    return {node.name: "\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in classes}


def apply(config: Any, changes: Changes) -> Any:
    """Set the fields in the configuration and in those of its parts that have them."""
    for part in _parts(config):
        for name, value in changes.items():
            if type(_switch(part, name)) is type(value):
                setattr(part, name, value)
    return config


def _parts(config: Any) -> list[Any]:
    return [config, *(part for part in vars(config).values() if hasattr(part, "model_type"))]


def _switch(config: Any, name: str) -> bool | str | None:
    """The field's value where it is a flag or a choice."""
    try:
        value = getattr(config, name, None)
    except RUN_ERRORS:  # a field that differs from layer to layer
        return None
    return value if isinstance(value, bool | str) else None


def _field(node: ast.AST) -> str | None:
    """`x` of `config.x`, `self.config.x` or `getattr(config, "x", ...)`."""
    if isinstance(node, ast.Attribute) and not node.attr.startswith("_"):
        return node.attr if _is_config(node.value) else None
    if isinstance(node, ast.Call) and len(node.args) > 1 and _is_config(node.args[0]):
        name = node.args[1]
        return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None
    return None


def _is_config(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
    return name.endswith("config")


def _strings(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
