"""Where a constructor keeps what an expression makes."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import code_of

# What holds the layer, or makes it when it is called, in place of being it.
_MANY = (
    cst.List, cst.Tuple, cst.Dict, cst.ListComp, cst.GeneratorExp, cst.DictComp, cst.BinaryOperation, cst.Lambda,
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """The attribute of `self`, and whether it holds the made thing itself, not a list or another layer with it."""

    attribute: str
    directly: bool = True


def kept_in(source: Source, call: cst.Call) -> Kept | None:
    """Where the layer or weight that this call makes is kept; None where the text does not tell."""
    function = source.enclosing(call)
    return _climb(source, function, call) if function is not None else None


def kept_by_callers(source: Source, call: cst.Call) -> tuple[Kept, ...]:
    """Where those keep the layer that call the function which makes and returns it."""
    function = source.enclosing(call)
    if function is None or not _is_returned(source, function, call):
        return ()
    called = m.Name(function.own_name) | m.Attribute(value=m.Name("self"), attr=m.Name(function.own_name))
    sites = (site for site in source.find(source.tree, cst.Call) if m.matches(site.func, called))
    return tuple(kept for site in sites if (kept := kept_in(source, site)) is not None)


def _is_returned(source: Source, function: LocalFunction, call: cst.Call) -> bool:
    """`return nn.Linear(4, 3)`, or of a variable that is set to it."""
    parent = next(each for each in source.ancestors(call) if not isinstance(each, cst.IfExp))
    if isinstance(parent, cst.Assign) and isinstance(parent.targets[0].target, cst.Name):
        variable = parent.targets[0].target.value
        returned = source.find(function.node, cst.Return)
        return any(node.value is not None and m.matches(node.value, m.Name(variable)) for node in returned)
    return isinstance(parent, cst.Return)


def _climb(source: Source, function: LocalFunction, node: cst.CSTNode) -> Kept | None:
    """Follow the expression outwards to the attribute it is stored in."""
    directly, child = True, node
    for parent in source.ancestors(node):
        directly = directly and not isinstance(parent, _MANY)
        if isinstance(parent, cst.Call) and child is not parent.func:
            called = source.canonical(parent.func) or ""
            if m.matches(parent.func, m.Attribute(attr=m.Name("append") | m.Name("extend"))):
                owner = cst.ensure_type(parent.func, cst.Attribute).value
                return _in(source, function, owner, directly=False)
            if called.startswith("local.") or code_of(parent.func) == "setattr":
                return None
            directly = directly and not isinstance(source.resolve(parent.func), type)  # which keeps it as its own
        elif isinstance(parent, cst.Assign):
            return _in(source, function, parent.targets[0].target, directly)
        elif isinstance(parent, cst.AnnAssign):
            return _in(source, function, parent.target, directly)
        elif isinstance(parent, cst.AugAssign):
            return _in(source, function, parent.target, directly=False)
        elif isinstance(parent, (cst.BaseStatement, cst.BaseSmallStatement)):
            return None
        child = parent
    return None


def _in(source: Source, function: LocalFunction, target: cst.BaseExpression, directly: bool) -> Kept | None:
    """`self.block`, a member of it, or a variable that becomes `self.block`."""
    if isinstance(target, cst.Subscript):
        target, directly = target.value, False
    attribute = _self_attribute(target)
    if attribute is not None:
        return Kept(attribute, directly)
    stored = _stored(source, function, target.value) if isinstance(target, cst.Name) else None
    return Kept(stored.attribute, directly and stored.directly) if stored is not None else None


def _stored(source: Source, function: LocalFunction, variable: str) -> Kept | None:
    """Where a local variable of the constructor ends up."""
    for node in source.find(function.node, cst.Assign, cst.Call):
        if isinstance(node, cst.Assign) and _stores(node.value, variable) and not _makes_local(source, node.value):
            attribute = _self_attribute(node.targets[0].target)
            if attribute is not None:
                return Kept(attribute, isinstance(node.value, cst.Name))
        if m.matches(node, m.Call(func=m.Attribute(attr=m.Name("append")), args=[m.Arg(m.Name(variable))])):
            owner = node.func.value  # type: ignore[attr-defined]  # matched above
            attribute = _self_attribute(owner)
            if attribute is not None:
                return Kept(attribute, directly=False)
    return None


def _makes_local(source: Source, value: cst.BaseExpression) -> bool:
    """Whether a function or class of the file is called."""
    return isinstance(value, cst.Call) and (source.canonical(value.func) or "").startswith("local.")


def _stores(value: cst.BaseExpression, variable: str) -> bool:
    """`v`, `nn.ModuleList(v)` and `nn.Sequential(*v)`."""
    if m.matches(value, m.Name(variable)):
        return True
    return isinstance(value, cst.Call) and len(value.args) == 1 and m.matches(value.args[0].value, m.Name(variable))


def _self_attribute(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.Attribute) and m.matches(node.value, m.Name("self")):
        return node.attr.value
    return None
