"""The name of a layer at its constructor: PyTorch's attribute, with the index of a list or the key of a dict."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import code_of

CONTAINERS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.Sequential"})


@dataclass(frozen=True)
class LayerName:
    """`attribute`, and for members of containers the code of their index or key, that of the outer one first.

    The attribute is empty for a layer stored by `setattr`, whose only member is the code of the name.
    """

    attribute: str
    members: tuple[str, ...] = ()

    @property
    def member(self) -> str | None:
        """The innermost index or key; None for a layer that is an attribute itself."""
        return self.members[-1] if self.members else None

    @property
    def code(self) -> str:
        """The string literal, or f-string, that names the layer."""
        parts = [part for part in (self.attribute, *map(_part, self.members)) if part]
        return f'{"f" * any("{" in part for part in parts)}"{".".join(parts)}"'


def _part(member: str) -> str:
    if member.isdigit():
        return member
    if member[:2] in ("f'", 'f"'):
        return member[2:-1]
    return member[1:-1] if member[:1] in "\"'" else f"{{{member}}}"


def layer_name(source: Source, call: cst.Call) -> LayerName | None:
    """The name of the layer that this constructor call makes; None where the text does not tell."""
    function = source.enclosing(call)
    return _Finder(source, function).climb(call) if function is not None else None


class _Finder:
    def __init__(self, source: Source, function: LocalFunction) -> None:
        self.source = source
        self.function = function

    def climb(self, node: cst.CSTNode) -> LayerName | None:
        """Follow the expression outwards to the attribute it is stored in."""
        members: list[str] = []
        child = node
        for parent in self.source.ancestors(node):
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp)):
                members.insert(0, comprehension_index(self.source, parent))
            elif isinstance(parent, cst.List):
                members.insert(0, str(next(i for i, element in enumerate(parent.elements) if element is child)))
            elif isinstance(parent, cst.BinaryOperation):
                members[:1] = _offset(parent, child, members[:1])
            elif isinstance(parent, (cst.DictElement, cst.DictComp)):
                members.insert(0, code_of(parent.key))
            elif isinstance(parent, cst.Call):
                appended = self._appended(parent, members)
                if appended is not None:
                    return appended
                place = next((i for i, argument in enumerate(parent.args) if argument is child), None)
                called = self.source.canonical(parent.func) or ""
                if called == "torch.nn.Sequential" and isinstance(child, cst.Arg) and not child.star:
                    members.insert(0, str(place))
                elif code_of(parent.func) == "setattr" and child is parent.args[-1]:
                    return LayerName("", (code_of(parent.args[1].value),))
                elif called.startswith("local.") and isinstance(child, cst.Arg) and place is not None:
                    return self._handed_over(called.removeprefix("local."), child, place, members)
            elif isinstance(parent, (cst.Assign, cst.AnnAssign)):
                return self._assigned(parent, members)
            elif isinstance(parent, cst.AugAssign):
                return self._extended(parent, members)
            elif isinstance(parent, (cst.BaseStatement, cst.BaseSmallStatement)):
                return None
            child = parent
        return None

    def _handed_over(self, owner: str, argument: cst.Arg, place: int, members: list[str]) -> LayerName | None:
        """A layer made for a layer of the file, which keeps its parameter as an attribute."""
        constructor = self.source.method(owner, "__init__")
        if constructor is None:
            return None
        named = argument.keyword.value if argument.keyword is not None else None
        parameter = named or next(iter(constructor.parameters[place:]), None)
        for node in self.source.find(constructor.node, cst.Assign):
            if parameter is not None and _stores(node.value, parameter):
                attribute = _self_attribute(node.targets[0].target)
                if attribute is not None:
                    return LayerName(attribute, tuple(members))
        return None

    def _extended(self, statement: cst.AugAssign, members: list[str]) -> LayerName | None:
        """`blocks += [Block(...)]`."""
        if not isinstance(statement.value, (cst.List, cst.ListComp)):
            return None
        return self._kept_in(statement.target, _after(statement.target, members))

    def _appended(self, call: cst.Call, members: list[str]) -> LayerName | None:
        """`self.stages.append(Stage(...))` and `self.stages.extend([Stage(...)])`."""
        if m.matches(call.func, m.Attribute(attr=m.Name("append"))):
            owner = cst.ensure_type(call.func, cst.Attribute).value
            return self._kept_in(owner, [f"len({code_of(owner)})", *members])
        if m.matches(call.func, m.Attribute(attr=m.Name("extend"))) and members:
            owner = cst.ensure_type(call.func, cst.Attribute).value
            return self._kept_in(owner, _after(owner, members))
        return None

    def _kept_in(self, owner: cst.BaseExpression, members: list[str]) -> LayerName | None:
        """`self.block` or a member of it, or of what is in a variable that becomes `self.block`."""
        attribute = _self_attribute(owner)
        if attribute is not None:
            return LayerName(attribute, tuple(members))
        stored = self._stored(owner.value) if isinstance(owner, cst.Name) else None
        return LayerName(stored.attribute, (*stored.members, *members)) if stored else None

    def _assigned(self, statement: cst.Assign | cst.AnnAssign, members: list[str]) -> LayerName | None:
        target: cst.BaseExpression = (
            statement.targets[0].target if isinstance(statement, cst.Assign) else statement.target
        )
        if isinstance(target, cst.Subscript):
            members, target = [code_of(target.slice[0]), *members], target.value
        return self._kept_in(target, members)

    def _stored(self, variable: str) -> LayerName | None:
        """Where a local variable of the constructor ends up."""
        for node in self.source.find(self.function.node, cst.Assign, cst.Call):
            if isinstance(node, cst.Assign) and _stores(node.value, variable) and not self._is_local(node.value):
                attribute = _self_attribute(node.targets[0].target)
                if attribute is not None:
                    return LayerName(attribute)
            if isinstance(node, cst.Call) and any(_stores(argument.value, variable) for argument in node.args):
                kept = self._appended(node, []) or self._passed(node, variable)
                if kept is not None:
                    return kept
        return None

    def _passed(self, call: cst.Call, variable: str) -> LayerName | None:
        """Where the layer of the file that is constructed here keeps the one in the variable."""
        if not self._is_local(call):
            return None
        owner = (self.source.canonical(call.func) or "").removeprefix("local.")
        place = next(i for i, argument in enumerate(call.args) if _stores(argument.value, variable))
        return self._handed_over(owner, call.args[place], place, [])

    def _is_local(self, node: cst.BaseExpression) -> bool:
        """Whether a function or class of the file is called."""
        return isinstance(node, cst.Call) and (self.source.canonical(node.func) or "").startswith("local.")


def comprehension_index(source: Source, node: cst.ListComp | cst.GeneratorExp) -> str:
    """The variable that counts the items; where the comprehension has none it gets one, `i`, `j` inside another."""
    loop = node.for_in
    if m.matches(loop.iter, m.Call(func=m.Name("range"), args=[m.Arg()])) and isinstance(loop.target, cst.Name):
        return own_index(source, node)[0] if loop.target.value == "_" else loop.target.value
    if m.matches(loop.iter, m.Call(func=m.Name("enumerate"))) and isinstance(loop.target, cst.Tuple):
        return code_of(loop.target.elements[0].value)
    return own_index(source, node)[1]


def own_index(source: Source, node: cst.CSTNode) -> tuple[str, str]:
    """What porter calls an index that the original has no name for: of a range, of anything else."""
    inside = any(isinstance(above, (cst.ListComp, cst.GeneratorExp)) for above in source.ancestors(node))
    return ("j", "place") if inside else ("i", "index")


_COUNTED = m.ListComp(for_in=m.CompFor(iter=m.Call(func=m.Name("range"), args=[m.Arg()]), inner_for_in=None))


def _offset(node: cst.BinaryOperation, child: cst.CSTNode, members: list[str]) -> list[str]:
    """`[A(0)] + [B(i) for i in ...]`: the second list goes on counting where the first ends."""
    if child is not node.right or not members:
        return members
    if m.matches(node.left, _COUNTED):
        return [f"{code_of(node.left.for_in.iter.args[0].value)} + {members[0]}"]  # type: ignore[attr-defined]
    if not isinstance(node.left, cst.List):
        return members
    count, member = len(node.left.elements), members[0]
    return [str(int(member) + count) if member.isdigit() else f"{member} + {count}"]


def _after(owner: cst.BaseExpression, members: list[str]) -> list[str]:
    """Members of a list that is put to the end of another."""
    count = f"len({code_of(owner)})"
    return [count if members[:1] == ["0"] else f"{count} + {members[0]}", *members[1:]]


def _stores(value: cst.BaseExpression, variable: str) -> bool:
    """`v`, `nn.ModuleList(v)` and `nn.Sequential(*v)`."""
    if m.matches(value, m.Name(variable)):
        return True
    return isinstance(value, cst.Call) and len(value.args) == 1 and m.matches(value.args[0].value, m.Name(variable))


def _self_attribute(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.Attribute) and m.matches(node.value, m.Name("self")):
        return node.attr.value
    return None
