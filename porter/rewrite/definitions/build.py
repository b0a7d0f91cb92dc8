"""`build()`: every layer creates its weights before the first call, in the order of the constructor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.attributes import LAYER_NAMES, MODEL_NAMES
from porter.rewrite.reading.main_layer import is_keras_model
from porter.rewrite.reading.source import LocalClass, Source
from porter.rulebook import find_card
from porter.rulebook.call import code_of

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
    if local.is_root:
        lines = ["if self.built:", "    return", *lines]
    if local.kind == "model":
        lines = ["if self.built:", "    return", *lines]
        if getattr(getattr(context.source.module, local.name), "_tied_weights_keys", None):
            lines.append("self.tie_weights()")
    code = "def build(self, input_shape=None):\n" + "\n".join(f"    {line}" for line in lines)
    statement = cst.parse_statement(code)
    assert isinstance(statement, cst.FunctionDef)
    return statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


def _super_lines(context: Context, local: LocalClass) -> Iterator[str]:
    shape = context.builds.get(local.name, {}).get("super()")
    if shape is not None:
        yield f"super().build({shape})"
    elif any(_is_built(context, base) for base in local.lineage[1:]) or _is_built_elsewhere(context, local):
        yield "super().build(input_shape)"


def _is_built(context: Context, name: str) -> bool:
    """Whether a class of the file has a `build` of its own."""
    return any(True for _ in _attributes(context, context.source.classes[name]))


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
    children = context.knowledge.children(local.name)
    seen: set[str] = set()
    removed = _removed(context.source)
    for name, presence in _assigned(constructor.node.body):
        if name not in seen and any(key in children for key in (name, f"{name}.*", f"{name}.*.*")):
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
    children = context.knowledge.children(local.name)
    reference = f"self.{_ported(context, local, attribute.name)}"
    members = children.get(f"{attribute.name}.*")
    if _holds_lists(context, local, attribute.name):
        inner = _member_lines(children[f"{attribute.name}.*.*"], "members", attribute.name, local, context)
        lines = [f"for members in {reference}:", *(f"    {line}" for line in inner)] if inner else []
    elif members is not None and attribute.name not in children:
        lines = _member_lines(members, reference, attribute.name, local, context)
    else:
        held = children[attribute.name]
        held |= members if members and "torch.nn.Sequential" in held else frozenset()
        lines = _single_lines(context, local, attribute.name, held, reference)
    if not lines or attribute.presence == "always":
        return lines
    test = f"if {reference} is not None:"
    if attribute.presence == "sometimes":
        test = f'if hasattr(self, "{reference.removeprefix("self.")}"):'
    return [test, *(f"    {line}" for line in lines)]


def _ported(context: Context, local: LocalClass, name: str) -> str:
    is_model = is_keras_model(context.source, context.knowledge, local.name)
    return f"{name}_" if name in (MODEL_NAMES if is_model else LAYER_NAMES) else name


def _single_lines(
    context: Context, local: LocalClass, name: str, classes: frozenset[str], reference: str
) -> list[str]:
    shape = context.builds.get(local.name, {}).get(name)
    if shape is not None and (local.name, name) in context.built_early:
        return [f"if not {reference}.built:", f"    {reference}.build({shape})"]
    if shape is not None:
        return [f"{reference}.build({shape})"]
    return [f"{reference}.build(None)"] if any(_is_ported(context, c) for c in classes) else []


def _member_lines(
    classes: frozenset[str], reference: str, name: str, local: LocalClass, context: Context
) -> list[str]:
    if not any(_is_ported(context, c) for c in classes):
        return []
    values = f"{reference}.values()" if reference != "members" and _is_dict(context, local, name) else reference
    if all(_is_ported(context, c) for c in classes):
        return [f"for layer in {values}:", "    layer.build(None)"]
    weighted = [c for c in classes if (card := find_card(c)) is not None and card.build]
    guard = "    if not layer.built:" if weighted else '    if hasattr(layer, "build"):'
    return [f"for layer in {values}:", guard, "        layer.build(None)"]


def _is_ported(context: Context, name: str) -> bool:
    """Whether a layer class is one of the file, or a model of a file beside."""
    return name.startswith("local.") or name in context.knowledge.nested


def _holds_lists(context: Context, local: LocalClass, name: str) -> bool:
    """Whether the attribute was seen to be a list of lists of layers."""
    seen = context.knowledge.facts.modules.get(local.name)
    return seen is not None and seen.children.get(f"{name}.*") == frozenset({"torch.nn.ModuleList"})


def _is_dict(context: Context, local: LocalClass, name: str) -> bool:
    constructor = context.source.functions[f"{local.name}.__init__"]
    return any(
        "ModuleDict" in code_of(node.value)
        for node in context.source.find(constructor.node, cst.Assign)
        if code_of(node.targets[0].target) == f"self.{name}"
    )
