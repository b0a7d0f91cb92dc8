"""`build()`: a layer's own weights, and its children's where these must be told their input shape.

All else is built by the model (`porter.runtime.layers.build_rest`), so that each weight exists before the first call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.definitions.parameters import Weights
from porter.rewrite.expressions.layer_shapes import base_shape, shape_in_build
from porter.rewrite.reading.main_layer import is_keras_model
from porter.rewrite.reading.scope import Rescoped
from porter.rewrite.reading.source import LocalClass
from porter.runtime.layers.reserved import port_attribute


@dataclass(frozen=True)
class Build:
    """The `build` of a class, and the parameters that its constructor must keep for it."""

    method: cst.FunctionDef
    stored: tuple[str, ...]


def build_method(context: Context, local: LocalClass, weights: Weights) -> Build | None:
    """The `build` of a class with its own weights; None when there is nothing to build."""
    base = base_shape(context, local)
    attributes = context.knowledge.constructors.of(local.name).presence
    shapes = {name: shape_in_build(context, local.name, name) for name in attributes}
    lines = list(_super_lines(context, local, base))
    lines += weights.lines
    for name, shape in shapes.items():
        lines += _lines(context, local, name, shape)
    passes_over = context.knowledge.constructors.passes_over_bases(local.name)
    if not lines and passes_over and any(context.has_build(name) for name in local.lineage[1:]):
        lines = ["pass  # what the base builds is not there"]
    if not lines:
        return None
    code = "def build(self, input_shape=None):\n" + "\n".join(f"    {line}" for line in lines)
    statement = cst.ensure_type(cst.parse_statement(code), cst.FunctionDef)
    stored = [name for shape in (base, *shapes.values()) if shape is not None for name in shape.stored]
    return Build(
        statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)]),
        tuple(dict.fromkeys([*stored, *weights.stored])),
    )


def _super_lines(context: Context, local: LocalClass, base: Rescoped | None) -> Iterator[str]:
    if base is not None:
        yield f"super().build({base.code})"
    elif context.knowledge.constructors.passes_over_bases(local.name):
        return
    elif any(context.has_build(name) for name in local.lineage[1:]) or _is_built_elsewhere(context, local):
        yield "super().build(input_shape)"


def _is_built_elsewhere(context: Context, local: LocalClass) -> bool:
    """Whether a class of the file inherits a `build` from a class of a file beside."""
    nodes = (context.source.classes[base].node for base in local.lineage)
    names = (context.source.canonical(base.value) or "" for node in nodes for base in node.bases)
    return any(name in context.knowledge.nested and context.knowledge.nested[name].builds for name in names)


def _lines(context: Context, local: LocalClass, attribute: str, shape: Rescoped | None) -> list[str]:
    if shape is None or shape.code == "None":
        return []
    constructors = context.knowledge.constructors
    name = port_attribute(attribute, is_model=is_keras_model(context.knowledge, local.name))
    line = f"self.{name}.build({shape.code})"
    presence = constructors.of(local.name).presence[attribute]
    if presence == "always" and attribute not in constructors.removed:
        return [line]
    test = f'if hasattr(self, "{name}"):' if presence == "sometimes" else f"if self.{name} is not None:"
    return [test, f"    {line}"]
