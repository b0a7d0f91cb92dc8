"""Other configurations of the same model: each switch that the file reads, turned the other way."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

Changes = Mapping[str, bool | str]

# Switches for whoever calls the model; the extra runs use them as arguments.
CALLERS = {"return_dict", "use_return_dict", "output_attentions", "output_hidden_states", "use_cache", "torchscript"}


def switches(config: Any, source: str) -> Iterator[Changes]:
    """One change each: a flag turned over, or a string set to another value that the file compares it with."""
    choices: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(source)):
        name = _field(node)
        if name is not None:
            choices.setdefault(name, set())
        elif isinstance(node, ast.Compare) and (name := _field(node.left)) is not None:
            choices.setdefault(name, set()).update(_strings(node.comparators[0]))
    for name in sorted(choices.keys() - CALLERS):
        values = {getattr(part, name, None) for part in _parts(config) if _is_switch(getattr(part, name, None))}
        for value in sorted(values, key=str):
            others = [not value] if isinstance(value, bool) else sorted(choices[name] - {value})
            yield from ({name: other} for other in others)


def apply(config: Any, changes: Changes) -> Any:
    """Set the fields in the configuration and in those of its parts that have them."""
    for part in _parts(config):
        for name, value in changes.items():
            if type(getattr(part, name, None)) is type(value):
                setattr(part, name, value)
    return config


def _parts(config: Any) -> list[Any]:
    return [config, *(part for part in vars(config).values() if hasattr(part, "model_type"))]


def _is_switch(value: object) -> bool:
    return isinstance(value, bool | str)


def _field(node: ast.AST) -> str | None:
    """`x` of `config.x` or `self.config.x`."""
    if not isinstance(node, ast.Attribute) or node.attr.startswith("_"):
        return None
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return node.attr if name.endswith("config") else None


def _strings(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
