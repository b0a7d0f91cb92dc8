"""`build()`: a layer's own weights, and its children's where these must be told their input shape.

All else is built by the model (`porter.runtime.layers.build_rest`), so that each weight exists before the first call.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.main_layer import is_keras_model
from porter.rewrite.reading.source import LocalClass, Source
from porter.runtime.layers.reserved import port_attribute

Presence = Literal["always", "optional", "sometimes"]


@dataclass(frozen=True)
class Attribute:
    """An attribute that holds layers.

    `presence` is "always" when every path through the constructor sets it to a layer, "optional" when it can be
    None, "sometimes" when some path does not set it.
    """

    name: str
    presence: Presence


def build_method(context: Context, local: LocalClass, weights: Sequence[str]) -> cst.FunctionDef | None:
    """The `build` of a class; `weights` are its own `add_weight` statements. None when there is nothing to build."""
    lines = list(_super_lines(context, local))
    lines += weights
    for attribute in _attributes(context, local):
        lines += _lines(context, local, attribute)
    if not lines:
        return None
    context.with_build.add(local.name)
    code = "def build(self, input_shape=None):\n" + "\n".join(f"    {line}" for line in lines)
    statement = cst.parse_statement(code)
    assert isinstance(statement, cst.FunctionDef)
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def _super_lines(context: Context, local: LocalClass) -> Iterator[str]:
    shape = context.builds.get(local.name, {}).get("super()")
    if shape is not None:
        yield f"super().build({shape})"
    elif context.with_build.intersection(local.lineage[1:]) or _is_built_elsewhere(context, local):
        yield "super().build(input_shape)"


def _is_built_elsewhere(context: Context, local: LocalClass) -> bool:
    """Whether a class of the file inherits a `build` from a class of a file beside."""
    nodes = (context.source.classes[base].node for base in local.lineage)
    names = (context.source.canonical(base.value) or "" for node in nodes for base in node.bases)
    return any(name in context.knowledge.nested and context.knowledge.nested[name].builds for name in names)


def _attributes(context: Context, local: LocalClass) -> Iterator[Attribute]:
    """The attributes that the class's own constructor fills with layers, in its order."""
    constructor = context.source.functions.get(f"{local.name}.__init__")
    if constructor is None:
        return
    seen: set[str] = set()
    removed = _removed(context.source)
    for name, presence in _assigned(constructor.node.body):
        if name not in seen:
            seen.add(name)
            yield Attribute(name, "optional" if presence == "always" and name in removed else presence)


@lru_cache(maxsize=4)
def _removed(source: Source) -> frozenset[str]:
    """Attributes that some code sets to None on another object, such as a layer that only the first of many needs."""
    found = set()
    for node in source.find(source.tree, cst.Assign):
        target = node.targets[0].target
        if isinstance(target, cst.Attribute) and m.matches(node.value, m.Name("None")):
            found |= set() if m.matches(target.value, m.Name("self")) else {target.attr.value}
    return frozenset(found)


def _assigned(body: cst.BaseSuite) -> Iterator[tuple[str, Presence]]:
    """Attributes of self set in a block, and whether they are set to a layer whatever happens."""
    for statement in body.body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from _assigned_in_line(statement)
        elif isinstance(statement, cst.If):
            yield from _assigned_in_branches(statement)
        elif isinstance(statement, (cst.For, cst.While, cst.With, cst.Try)):
            yield from ((name, "sometimes") for name, _ in _assigned(statement.body))


def _assigned_in_line(line: cst.SimpleStatementLine) -> Iterator[tuple[str, Presence]]:
    for small in line.body:
        if not isinstance(small, (cst.Assign, cst.AnnAssign)) or small.value is None:
            continue
        assigned: cst.BaseExpression = small.targets[0].target if isinstance(small, cst.Assign) else small.target
        target = assigned.value if isinstance(assigned, cst.Subscript) else assigned
        if isinstance(small.value, (cst.List, cst.ListComp)):
            continue  # no child of a module; what registers the members builds them
        if m.matches(target, m.Attribute(value=m.Name("self"))):
            assert isinstance(target, cst.Attribute)
            yield target.attr.value, "optional" if _may_be_none(small.value) else "always"


def _may_be_none(value: cst.BaseExpression) -> bool:
    if isinstance(value, cst.IfExp):
        return _may_be_none(value.body) or _may_be_none(value.orelse)
    return m.matches(value, m.Name("None"))


def _assigned_in_branches(statement: cst.If) -> Iterator[tuple[str, Presence]]:
    branches: list[dict[str, Presence]] = [dict(_assigned(statement.body))]
    orelse = statement.orelse
    while isinstance(orelse, cst.If):
        branches.append(dict(_assigned(orelse.body)))
        orelse = orelse.orelse
    branches.append(dict(_assigned(orelse.body)) if orelse is not None else {})
    if orelse is not None and _raises(orelse.body):
        branches.pop()
    for name in dict.fromkeys(name for branch in branches for name in branch):
        found: set[Presence] = {branch.get(name, "sometimes") for branch in branches}
        yield name, next(p for p in _WEAKEST_FIRST if p in found)


_WEAKEST_FIRST: tuple[Presence, ...] = ("sometimes", "optional", "always")


def _raises(body: cst.BaseSuite) -> bool:
    return any(m.matches(s, m.SimpleStatementLine(body=[m.Raise()])) for s in body.body)


def _lines(context: Context, local: LocalClass, attribute: Attribute) -> list[str]:
    shape = context.builds.get(local.name, {}).get(attribute.name)
    if shape is None or shape == "None":
        return []
    name = port_attribute(attribute.name, is_model=is_keras_model(context.source, context.knowledge, local.name))
    line = f"self.{name}.build({shape})"
    if attribute.presence == "always":
        return [line]
    test = f"if self.{name} is not None:" if attribute.presence == "optional" else f'if hasattr(self, "{name}"):'
    return [test, f"    {line}"]
