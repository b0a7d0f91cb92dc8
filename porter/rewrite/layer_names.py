"""The name of a layer at its constructor: PyTorch's attribute, with the index of a list or the key of a dict."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.source import LocalFunction, Source
from porter.rules.call import code_of

CONTAINERS = frozenset({"torch.nn.ModuleList", "torch.nn.ModuleDict", "torch.nn.Sequential"})


@dataclass(frozen=True)
class LayerName:
    """`attribute`, and for members of a container the code of their index or key."""

    attribute: str
    member: str | None = None

    @property
    def code(self) -> str:
        """The string literal, or f-string, that names the layer."""
        if self.member is None:
            return f'"{self.attribute}"'
        if self.member.isdigit():
            return f'"{self.attribute}.{self.member}"'
        if self.member[:1] in "\"'":
            return f'"{self.attribute}.{self.member[1:-1]}"'
        return f'f"{self.attribute}.{{{self.member}}}"'


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
        member: str | None = None
        child = node
        for parent in self.source.ancestors(node):
            if isinstance(parent, (cst.ListComp, cst.GeneratorExp)):
                member = comprehension_index(parent)
            elif isinstance(parent, cst.List):
                member = str(next(i for i, element in enumerate(parent.elements) if element is child))
            elif isinstance(parent, cst.BinaryOperation):
                member = _offset(parent, child, member)
            elif isinstance(parent, (cst.DictElement, cst.DictComp)):
                member = code_of(parent.key)
            elif isinstance(parent, cst.Call):
                appended = self._appended(parent)
                if appended is not None:
                    return appended
                if self.source.canonical(parent.func) == "torch.nn.Sequential" and isinstance(child, cst.Arg):
                    member = str(next(i for i, argument in enumerate(parent.args) if argument is child))
            elif isinstance(parent, (cst.Assign, cst.AnnAssign)):
                return self._assigned(parent, member)
            elif isinstance(parent, (cst.BaseStatement, cst.BaseSmallStatement)):
                return None
            child = parent
        return None

    def _appended(self, call: cst.Call) -> LayerName | None:
        """`self.stages.append(Stage(...))`, and `blocks.append(...)` of a list that becomes `self.blocks`."""
        if not m.matches(call.func, m.Attribute(attr=m.Name("append"))):
            return None
        assert isinstance(call.func, cst.Attribute)
        owner = call.func.value
        attribute = _self_attribute(owner)
        if attribute is None and isinstance(owner, cst.Name) and (stored := self._stored(owner.value)):
            attribute = stored.attribute
        return LayerName(attribute, f"len({code_of(owner)})") if attribute else None

    def _assigned(self, statement: cst.Assign | cst.AnnAssign, member: str | None) -> LayerName | None:
        target: cst.BaseExpression = (
            statement.targets[0].target if isinstance(statement, cst.Assign) else statement.target
        )
        if isinstance(target, cst.Subscript):
            member, target = code_of(target.slice[0]), target.value
        attribute = _self_attribute(target)
        if attribute is not None:
            return LayerName(attribute, member)
        if isinstance(target, cst.Name):
            stored = self._stored(target.value)
            return LayerName(stored.attribute, member if member is not None else stored.member) if stored else None
        return None

    def _stored(self, variable: str) -> LayerName | None:
        """Where a local variable of the constructor ends up."""
        for node in self.source.find(self.function.node, cst.Assign, cst.Call):
            if isinstance(node, cst.Assign) and _stores(node.value, variable):
                attribute = _self_attribute(node.targets[0].target)
                if attribute is not None:
                    return LayerName(attribute)
            if isinstance(node, cst.Call) and any(m.matches(a.value, m.Name(variable)) for a in node.args):
                appended = self._appended(node)
                if appended is not None:
                    return appended
        return None


def comprehension_index(node: cst.ListComp | cst.GeneratorExp) -> str:
    """The variable that counts the items; `index` where the comprehension has none and gets one."""
    loop = node.for_in
    if m.matches(loop.iter, m.Call(func=m.Name("range"), args=[m.Arg()])) and isinstance(loop.target, cst.Name):
        return "i" if loop.target.value == "_" else loop.target.value
    if m.matches(loop.iter, m.Call(func=m.Name("enumerate"))) and isinstance(loop.target, cst.Tuple):
        return code_of(loop.target.elements[0].value)
    return "index"


def _offset(node: cst.BinaryOperation, child: cst.CSTNode, member: str | None) -> str | None:
    """`[A(0)] + [B(i) for i in ...]`: the second list goes on counting where the first ends."""
    if child is not node.right or not isinstance(node.left, cst.List) or member is None:
        return member
    count = len(node.left.elements)
    return str(int(member) + count) if member.isdigit() else f"{member} + {count}"


def _stores(value: cst.BaseExpression, variable: str) -> bool:
    """`v`, `nn.ModuleList(v)` and `nn.Sequential(*v)`."""
    if m.matches(value, m.Name(variable)):
        return True
    return isinstance(value, cst.Call) and len(value.args) == 1 and m.matches(value.args[0].value, m.Name(variable))


def _self_attribute(node: cst.BaseExpression) -> str | None:
    if isinstance(node, cst.Attribute) and m.matches(node.value, m.Name("self")):
        return node.attr.value
    return None
