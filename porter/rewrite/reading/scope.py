"""Moving an expression from `__init__` to `build`: what it reads must be an attribute by then."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.constructor import Constructor
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of
from porter.rulebook.template import parenthesised, with_names
from porter.runtime.layers.reserved import port_attribute


@dataclass(frozen=True)
class Rescoped:
    """An expression as `build` can read it, and the constructor's parameters that `self` must keep for it."""

    code: str
    stored: tuple[str, ...]


def kept_as(parameter: str) -> str:
    """The attribute that keeps a parameter of a constructor for `build`: `inputs_` for Keras' own `inputs`."""
    return port_attribute(parameter, is_model=True)


@dataclass(frozen=True)
class Rescoper:
    """Re-scopes expressions of one class's constructor; `port` writes an original expression in TensorFlow."""

    knowledge: Knowledge
    class_name: str
    port: Callable[[cst.BaseExpression], cst.BaseExpression]

    def rescope(self, code: str) -> Rescoped | None:
        """The expression as `build` can read it; None when it depends on a local variable of the constructor."""
        expression = self._without_locals(cst.parse_expression(code))
        constructors = self.knowledge.constructors
        changed, again = constructors.changed_settings, constructors.set_again(self.class_name)
        attributes = m.findall(expression, m.Attribute())
        if any(_is_setting(node, changed) or _is_own(node, again) for node in attributes):
            return None
        new: dict[str, str] = {}
        for name in dict.fromkeys(node.value for node in _free_names(expression)):
            attribute = self._attribute_for(name)
            if attribute is None:
                return None
            new[name] = attribute
        code = code_of(with_names(expression, {name: cst.parse_expression(code) for name, code in new.items()}))
        return Rescoped(code, tuple(name for name, attribute in new.items() if self._must_be_stored(name, attribute)))

    @property
    def _constructor(self) -> Constructor:
        return self.knowledge.constructors.of(self.class_name)

    def _must_be_stored(self, name: str, attribute: str) -> bool:
        local = self.knowledge.source.classes.get(self.class_name)
        kept_by_model = name == "config" and local is not None and local.kind == "model"
        return (
            attribute == f"self.{kept_as(name)}"
            and f"self.{self._constructor.kept_parameters.get(name)}" != attribute
            and not kept_by_model
        )

    def _without_locals(self, expression: cst.BaseExpression) -> cst.BaseExpression:
        """Local variables that are set once, in the open, give way to what they are set to."""
        variables, kept = self._constructor.variables, self._constructor.kept_parameters
        for _ in range(_DEPTH):
            new = {
                name.value: parenthesised(self.port(variables[name.value]))
                for name in _free_names(expression)
                if name.value in variables and name.value not in kept
            }
            if not new:
                break
            expression = with_names(expression, new)
        return expression

    def _attribute_for(self, name: str) -> str | None:
        if name in _ALWAYS_THERE or hasattr(self.knowledge.source.module, name):
            return name
        if hasattr(__builtins__, name) or name in _BUILTINS:
            return name
        constructor = self._constructor
        function = constructor.function
        if function is None or name not in function.parameters or name in constructor.reassigned:
            return None
        attribute = constructor.kept_parameters.get(name)
        if attribute is not None and attribute not in self.knowledge.constructors.changed(self.class_name):
            return f"self.{attribute}"
        kept = kept_as(name)
        if kept in constructor.attributes or self._is_tensor(function, name) or self._is_taken(kept):
            return None
        return f"self.{kept}"

    def _is_taken(self, name: str) -> bool:
        """Whether the class has a method or property of this name."""
        return hasattr(getattr(self.knowledge.source.module, self.class_name, None), name)

    def _is_tensor(self, function: LocalFunction, parameter: str) -> bool:
        """Whether the constructor is given a tensor: Keras would take it for a weight of the class that keeps it."""
        nodes = (node for node in self.knowledge.source.find(function.node.body, cst.Name) if node.value == parameter)
        return any(self.knowledge.is_tensor(node) for node in nodes)


_ALWAYS_THERE = frozenset({"self", "tf", "keras", "np", "math", "shape_list"})
_BUILTINS = frozenset({"int", "float", "len", "max", "min", "sum", "round", "abs", "tuple", "list", "range", "None"})
_DEPTH = 4


def _is_setting(node: cst.CSTNode, settings: Set[str]) -> bool:
    """`config.x` or `self.config.x` of a field x among these."""
    config = m.Name("config") | m.Attribute(attr=m.Name("config"))
    return isinstance(node, cst.Attribute) and node.attr.value in settings and m.matches(node.value, config)


def _is_own(node: cst.CSTNode, names: Set[str]) -> bool:
    """Whether it is `self.x` of an attribute x among these."""
    own = isinstance(node, cst.Attribute) and m.matches(node.value, m.Name("self"))
    return own and isinstance(node, cst.Attribute) and node.attr.value in names


def _free_names(expression: cst.BaseExpression) -> list[cst.Name]:
    collector = _Names()
    expression.visit(collector)
    return collector.found


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        self.found: list[cst.Name] = []

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.found.append(node)
