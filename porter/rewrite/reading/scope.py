"""Moving an expression from `__init__` to `build`: what it reads must be an attribute by then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import code_of
from porter.rulebook.template import parenthesised, with_names


class Rescoper:
    """Re-scopes expressions of one class's constructor; `stored` collects parameters it must keep on `self`."""

    def __init__(
        self, source: Source, class_name: str, port: Callable[[cst.BaseExpression], cst.BaseExpression]
    ) -> None:
        self.source = source
        self._port = port
        self.constructor: LocalFunction | None = source.functions.get(f"{class_name}.__init__")
        self.stored: dict[str, None] = {}
        self._locals = _locals(source, self.constructor)
        self._attributes, self._taken = _attributes(source, self.constructor)
        self._reassigned = _reassigned(source, self.constructor)
        self._changed = _changed_settings(source)
        self._set_again = _set_again(source, class_name)
        self._is_model = class_name in source.classes and source.classes[class_name].kind == "model"

    def rescope(self, code: str) -> str | None:
        """The expression as `build` can read it; None when it depends on a local variable of the constructor."""
        expression = self._without_locals(cst.parse_expression(code))
        attributes = m.findall(expression, m.Attribute())
        if any(_is_setting(node, self._changed) or _is_own(node, self._set_again) for node in attributes):
            return None
        names = {n.value for n in _free_names(expression)}
        new: dict[str, str] = {}
        for name in names:
            attribute = self._attribute_for(name)
            if attribute is None:
                return None
            new[name] = attribute
        for name in names:
            if (
                new[name] == f"self.{name}"
                and name not in self._attributes
                and not (self._is_model and name == "config")
            ):
                self.stored[name] = None
        return code_of(with_names(expression, {name: cst.parse_expression(code) for name, code in new.items()}))

    def _without_locals(self, expression: cst.BaseExpression) -> cst.BaseExpression:
        """Local variables that are set once, in the open, give way to what they are set to."""
        for _ in range(_DEPTH):
            new = {
                name.value: parenthesised(self._port(self._locals[name.value]))
                for name in _free_names(expression)
                if name.value in self._locals and name.value not in self._attributes
            }
            if not new:
                break
            expression = with_names(expression, new)
        return expression

    def _attribute_for(self, name: str) -> str | None:
        if name in ("self", "tf", "keras", "np", "math", "shape_list") or hasattr(self.source.module, name):
            return name
        if hasattr(__builtins__, name) or name in _BUILTINS:
            return name
        if self.constructor is None or name not in self.constructor.parameters or name in self._reassigned:
            return None
        if name in self._attributes:
            return f"self.{self._attributes[name]}"
        return f"self.{name}" if name not in self._taken else None


_BUILTINS = frozenset({"int", "float", "len", "max", "min", "sum", "round", "abs", "tuple", "list", "range", "None"})
_DEPTH = 4


def _locals(source: Source, constructor: LocalFunction | None) -> dict[str, cst.BaseExpression]:
    """Variables that the constructor sets exactly once, at its top level, to a plain expression."""
    if constructor is None:
        return {}
    values: dict[str, list[cst.BaseExpression | None]] = {}
    for name in source.assigned(constructor):
        values[name] = []
    for node in source.find(constructor.node, cst.AssignTarget, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr):
        target = getattr(node, "target", None)  # every one of these kinds has it
        if isinstance(target, (cst.Name, cst.Tuple, cst.List)):
            for bound in source.find(target, cst.Name):
                values.setdefault(bound.value, []).append(_plain_value(source, constructor, node))
    return {
        name: found[0]
        for name, found in values.items()
        if len(found) == 1 and found[0] is not None and name not in constructor.parameters
    }


def _plain_value(source: Source, constructor: LocalFunction, target: cst.CSTNode) -> cst.BaseExpression | None:
    assign = source.parents.get(target)
    line = source.parents.get(assign) if isinstance(assign, cst.Assign) else None
    if not isinstance(assign, cst.Assign) or line is None or source.parents.get(line) is not constructor.node.body:
        return None
    if len(assign.targets) != 1 or not isinstance(assign.targets[0].target, cst.Name):
        return None
    return None if any(_makes_layer(source, call) for call in source.find(assign.value, cst.Call)) else assign.value


def _makes_layer(source: Source, call: cst.Call) -> bool:
    """Whether a call may be more than arithmetic: of a method, or of a class of the file."""
    return not isinstance(call.func, cst.Name) or call.func.value in source.classes


def _attributes(source: Source, constructor: LocalFunction | None) -> tuple[dict[str, str], set[str]]:
    """Parameters kept unchanged as attributes, and all attributes the constructor sets."""
    kept: dict[str, str] = {}
    taken: set[str] = set()
    if constructor is None:
        return kept, taken
    reassigned = _reassigned(source, constructor)
    for node in source.find(constructor.node, cst.Assign):
        target = node.targets[0].target
        if m.matches(target, m.Attribute(value=m.Name("self"))):
            assert isinstance(target, cst.Attribute)
            taken.add(target.attr.value)
            if isinstance(node.value, cst.Name) and node.value.value not in reassigned:
                kept[node.value.value] = target.attr.value
    return kept, taken


def _reassigned(source: Source, constructor: LocalFunction | None) -> frozenset[str]:
    """The variables that the constructor sets."""
    nodes = source.find(constructor.node, cst.AssignTarget, cst.AugAssign) if constructor is not None else ()
    targets = (getattr(node, "target", None) for node in nodes)
    return frozenset(target.value for target in targets if isinstance(target, cst.Name))


def _set_again(source: Source, class_name: str) -> frozenset[str]:
    """Attributes that the class sets on itself in several places: when `build` runs they are not what they were."""
    lineage = source.classes[class_name].lineage if class_name in source.classes else ()
    nodes = (source.classes[base].node for base in lineage)
    statements = (found for node in nodes for found in source.find(node, cst.AssignTarget, cst.AugAssign))
    targets = [getattr(found, "target", None) for found in statements]  # both kinds have one
    own = m.Attribute(value=m.Name("self"))
    counts = Counter(t.attr.value for t in targets if isinstance(t, cst.Attribute) and m.matches(t, own))
    return frozenset(name for name, count in counts.items() if count > 1)


def _is_own(node: cst.CSTNode, names: frozenset[str]) -> bool:
    """Whether it is `self.x` of an attribute x among these."""
    return (
        m.matches(node, m.Attribute(value=m.Name("self"))) and cst.ensure_type(node, cst.Attribute).attr.value in names
    )


@lru_cache(maxsize=4)
def _changed_settings(source: Source) -> frozenset[str]:
    """Fields of the configuration that constructors change: when `build` runs they are not what they were."""
    constructors = (function for function in source.functions.values() if function.own_name == "__init__")
    targets = (
        cst.ensure_type(node, cst.AssignTarget).target
        for constructor in constructors
        for node in source.find(constructor.node, cst.AssignTarget)
    )
    pattern = m.Attribute(value=m.Name("config"))
    return frozenset(t.attr.value for t in targets if isinstance(t, cst.Attribute) and m.matches(t, pattern))


def _is_setting(node: cst.CSTNode, settings: frozenset[str]) -> bool:
    """`config.x` or `self.config.x` of a field x among these."""
    config = m.Name("config") | m.Attribute(attr=m.Name("config"))
    return isinstance(node, cst.Attribute) and node.attr.value in settings and m.matches(node.value, config)


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
