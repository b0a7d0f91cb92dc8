"""What the constructors of a file make, and where they keep it: the one analysis that all who ask read.

Of the text alone: which statement stores what in which attribute of `self`, whether the attribute is surely there,
which variables only stand for an expression, which parameters are kept. What a call makes is in `made.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.asked import asked_layers
from porter.rewrite.reading.kept import Kept, kept_by_callers, kept_in
from porter.rewrite.reading.presence import Presence, presences
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rewrite.reading.tied import tied_layers
from porter.rulebook.call import code_of


@dataclass(frozen=True, eq=False)
class Store:
    """`self.attribute = value`; `directly` is false for a member, `self.attribute[0] = value`, and for a part."""

    attribute: str
    value: cst.BaseExpression
    directly: bool = True


@dataclass(frozen=True, eq=False)
class Constructor:
    """The `__init__` that a class defines; `function` is None where it defines none, and all else is empty then.

    Attributes:
        stores: what it stores in attributes of `self`, in the order of the text.
        presence: its attributes in that order, and whether they are surely there; without plain lists.
        values: the last value of each variable.
        variables: those that are set exactly once, at its top level, to a plain expression.
        reassigned: all variables that it sets, parameters among them.
        calls: the calls whose result an attribute holds itself, by attribute.
    """

    function: LocalFunction | None = None
    stores: tuple[Store, ...] = ()
    presence: Mapping[str, Presence] = field(default_factory=dict)
    values: Mapping[str, cst.BaseExpression] = field(default_factory=dict)
    variables: Mapping[str, cst.BaseExpression] = field(default_factory=dict)
    reassigned: frozenset[str] = frozenset()
    calls: Mapping[str, tuple[cst.Call, ...]] = field(default_factory=dict)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """All attributes that it sets."""
        return frozenset(store.attribute for store in self.stores if store.directly)

    @cached_property
    def kept_parameters(self) -> Mapping[str, str]:
        """The parameters that it keeps unchanged, and the attributes that hold them."""
        values = ((store.value, store.attribute) for store in self.stores if store.directly)
        named = ((value.value, attribute) for value, attribute in values if isinstance(value, cst.Name))
        return {name: attribute for name, attribute in named if name not in self.reassigned}

    def may_be_given(self, attribute: str) -> bool:
        """Whether it stores one of its parameters there, perhaps only where that has a value."""
        parameters = self.function.parameters if self.function is not None else ()
        values = (store.value for store in self.stores if store.directly and store.attribute == attribute)
        chosen = (each for value in values for each in _choices(value))
        return any(isinstance(each, cst.Name) and each.value in parameters for each in chosen)


def _choices(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What an expression may give: `a` and `b` of `a or b`, and of `a if given else b`."""
    if isinstance(value, cst.BooleanOperation):
        yield from (*_choices(value.left), *_choices(value.right))
    elif isinstance(value, cst.IfExp):
        yield from (*_choices(value.body), *_choices(value.orelse))
    else:
        yield value


@dataclass(frozen=True, eq=False)
class Constructors:
    """All constructors of a file, and what they say together."""

    source: Source

    @cached_property
    def _by_class(self) -> Mapping[str, Constructor]:
        functions = {name: self.source.functions.get(f"{name}.__init__") for name in self.source.classes}
        return {name: self._read(found) if found else Constructor() for name, found in functions.items()}

    def of(self, class_name: str) -> Constructor:
        """The constructor that a class defines itself."""
        return self._by_class.get(class_name, Constructor())

    def lineage(self, class_name: str) -> tuple[Constructor, ...]:
        """Those of a class and of its bases in the file, the class's own first."""
        local = self.source.classes.get(class_name)
        return tuple(self.of(base) for base in local.lineage) if local is not None else ()

    def stored_anywhere(self, class_name: str) -> list[Store]:
        """What any method of a class, or of its bases in the file, stores in attributes of `self`."""
        local = self.source.classes.get(class_name)
        nodes = (self.source.classes[base].node for base in (local.lineage if local is not None else ()))
        return [store for node in nodes for store in stores(self.source, node)]

    def has_own(self, class_name: str) -> bool:
        """Whether a class, or a base of it in the file, has a constructor that does more than to hand on arguments."""
        functions = (constructor.function for constructor in self.lineage(class_name))
        return any(function is not None and not hands_on(function) for function in functions)

    def replaces(self, class_name: str, attribute: str) -> bool:
        """Whether a base or a subclass of the class sets the attribute, too: one replaces what the other has made."""
        others = (local for name, local in self.source.classes.items() if name != class_name)
        own = self.source.classes[class_name].lineage if class_name in self.source.classes else ()
        kin = (local.name for local in others if class_name in local.lineage or local.name in own)
        return any(attribute in self.of(name).attributes for name in kin)

    def passes_over_bases(self, class_name: str) -> bool:
        """Whether a class calls `nn.Module.__init__(self)` in place of the constructors of its bases in the file."""
        function = self.of(class_name).function
        bases = self.source.classes[class_name].lineage[1:] if class_name in self.source.classes else ()
        if function is None or not any(self.of(base).function for base in bases):
            return False
        called = (self.source.canonical(call.func) for call in self.source.find(function.node, cst.Call))
        return "torch.nn.Module.__init__" in called

    def _settings(self, class_name: str) -> Iterator[tuple[str, cst.CSTNode]]:
        """Each attribute that a class, or a base of it in the file, sets on itself, and the statement that does so."""
        local = self.source.classes.get(class_name)
        nodes = (self.source.classes[base].node for base in (local.lineage if local is not None else ()))
        for found in (each for node in nodes for each in self.source.find(node, cst.AssignTarget, cst.AugAssign)):
            target = getattr(found, "target", None)  # both kinds have one
            if isinstance(target, cst.Attribute) and m.matches(target.value, m.Name("self")):
                yield target.attr.value, found if isinstance(found, cst.AugAssign) else self.source.parents[found]

    def set_again(self, class_name: str) -> frozenset[str]:
        """Attributes that a class sets on itself in several places: when `build` runs they are not what they were."""
        counts = Counter(name for name, _ in self._settings(class_name))
        return frozenset(name for name, count in counts.items() if count > 1)

    def changed(self, class_name: str) -> frozenset[str]:
        """Attributes that a class sets to one thing here and to another there, `self.width = width * 2`."""
        written = {(name, code_of(statement)) for name, statement in self._settings(class_name)}
        counts = Counter(name for name, _ in written)
        return frozenset(name for name, count in counts.items() if count > 1)

    def kept(self, call: cst.Call) -> Kept | None:
        """Where what this call makes is kept; None where the text does not tell."""
        return kept_in(self.source, call)

    def kept_anywhere(self, call: cst.Call) -> tuple[Kept, ...]:
        """Where what this call makes is kept, also by those who call the function that returns it."""
        own = self.kept(call)
        return (own,) if own is not None else kept_by_callers(self.source, call)

    @cached_property
    def tied(self) -> frozenset[str]:
        """The paths of layers whose weight is another's: "cls.predictions.decoder", "self.decoder"."""
        return tied_layers(self.source)

    @cached_property
    def asked(self) -> frozenset[str]:
        """The attributes that hold layers whose weights or sizes a constructor reads."""
        return asked_layers(self.source)

    @cached_property
    def removed(self) -> frozenset[str]:
        """Attributes that some code sets to None on another object, such as a layer that only the first one needs."""
        targets = (
            node.targets[0].target
            for node in self.source.find(self.source.tree, cst.Assign)
            if m.matches(node.value, m.Name("None"))
        )
        attributes = (target for target in targets if isinstance(target, cst.Attribute))
        return frozenset(a.attr.value for a in attributes if not m.matches(a.value, m.Name("self")))

    @cached_property
    def changed_settings(self) -> frozenset[str]:
        """Fields of the configuration that constructors change: when `build` runs they are not what they were."""
        nodes = (node for each in self.source.constructors for node in self.source.find(each.node, cst.AssignTarget))
        pattern = m.Attribute(value=m.Name("config"))
        targets = (node.target for node in nodes)
        return frozenset(t.attr.value for t in targets if isinstance(t, cst.Attribute) and m.matches(t, pattern))

    @cached_property
    def base_models(self) -> frozenset[str]:
        """The models of the file that another model keeps under its `base_model_prefix`."""
        found = set()
        for local in self.source.classes.values():
            prefix = self.prefix(local.name) if local.kind == "model" else ""
            own = (store for store in self.of(local.name).stores if store.directly and store.attribute == prefix)
            called = (store.value.func for store in own if isinstance(store.value, cst.Call))
            names = {function.value for function in called if isinstance(function, cst.Name)} - {local.name}
            found |= {name for name in names if self._is_model(name)}
        return frozenset(found)

    def prefix(self, class_name: str) -> str:
        """The class's `base_model_prefix`."""
        return str(getattr(getattr(self.source.module, class_name), "base_model_prefix", ""))

    def _is_model(self, name: str) -> bool:
        return name in self.source.classes and self.source.classes[name].kind == "model"

    def _read(self, function: LocalFunction) -> Constructor:
        nodes = self.source.find(function.node, cst.AssignTarget, cst.AugAssign)
        targets = [node.target for node in nodes]  # type: ignore[attr-defined]  # both have one
        presence: dict[str, Presence] = {}
        for name, found in presences(function.node.body):
            presence.setdefault(name, found)
        return Constructor(
            function,
            tuple(stores(self.source, function.node)),
            presence,
            _values(self.source, function),
            _variables(self.source, function),
            frozenset(target.value for target in targets if isinstance(target, cst.Name)),
            self._calls(function),
        )

    def _calls(self, function: LocalFunction) -> Mapping[str, tuple[cst.Call, ...]]:
        found: dict[str, tuple[cst.Call, ...]] = {}
        for call in self.source.find(function.node, cst.Call):
            kept = self.kept(call)
            if kept is not None and kept.directly:
                found[kept.attribute] = (*found.get(kept.attribute, ()), call)
        return found


def hands_on(function: LocalFunction) -> bool:
    """`def __init__(self, *args, **kwargs): super().__init__(*args, **kwargs)`."""
    return not function.parameters and only_calls(function, "super().__init__")


def only_calls(function: LocalFunction, called: str) -> bool:
    """Whether a function that takes `*args, **kwargs` does nothing but `called(*args, **kwargs)`."""
    params = function.node.params
    if not isinstance(params.star_arg, cst.Param) or params.star_kwarg is None:
        return False
    lines = [code_of(line).strip() for line in function.node.body.body if not m.matches(line, _DOCUMENTATION)]
    return lines == [f"{called}(*{params.star_arg.name.value}, **{params.star_kwarg.name.value})"]


_DOCUMENTATION = m.SimpleStatementLine(body=[m.Expr(m.SimpleString())])


def stores(source: Source, root: cst.CSTNode) -> Iterator[Store]:
    """What the statements inside a node store in attributes of `self`, in the order of the text."""
    for node in source.find(root, cst.Assign, cst.AnnAssign):
        if isinstance(node, cst.Assign):
            for each in node.targets:
                yield from _of_target(each.target, node.value)
        elif isinstance(node, cst.AnnAssign) and node.value is not None:
            yield from _of_target(node.target, node.value)


def _of_target(target: cst.BaseExpression, value: cst.BaseExpression, directly: bool = True) -> Iterator[Store]:
    if isinstance(target, (cst.Tuple, cst.List)):
        paired = isinstance(value, (cst.Tuple, cst.List)) and len(value.elements) == len(target.elements)
        for at, element in enumerate(target.elements):
            own = value.elements[at].value if paired and isinstance(value, (cst.Tuple, cst.List)) else value
            yield from _of_target(element.value, own, directly=directly and paired)
    elif isinstance(target, cst.Subscript):
        yield from _of_target(target.value, value, directly=False)
    elif isinstance(target, cst.Attribute) and m.matches(target.value, m.Name("self")):
        yield Store(target.attr.value, value, directly)


def _values(source: Source, function: LocalFunction) -> Mapping[str, cst.BaseExpression]:
    assigns = source.find(function.node, cst.Assign)
    pairs = ((each.target, node.value) for node in assigns for each in node.targets)
    return {target.value: value for target, value in pairs if isinstance(target, cst.Name)}


def _variables(source: Source, function: LocalFunction) -> Mapping[str, cst.BaseExpression]:
    """Variables that the constructor sets exactly once, at its top level, to a plain expression."""
    values: dict[str, list[cst.BaseExpression | None]] = {name: [] for name in source.assigned(function)}
    for node in source.find(function.node, cst.AssignTarget, cst.AugAssign, cst.For, cst.CompFor, cst.NamedExpr):
        target = getattr(node, "target", None)  # every one of these kinds has it
        if isinstance(target, (cst.Name, cst.Tuple, cst.List)):
            for bound in source.find(target, cst.Name):
                values.setdefault(bound.value, []).append(_plain_value(source, function, node))
    return {
        name: found[0]
        for name, found in values.items()
        if len(found) == 1 and found[0] is not None and name not in function.parameters
    }


def _plain_value(source: Source, function: LocalFunction, target: cst.CSTNode) -> cst.BaseExpression | None:
    assign = source.parents.get(target)
    line = source.parents.get(assign) if isinstance(assign, cst.Assign) else None
    if not isinstance(assign, cst.Assign) or line is None or source.parents.get(line) is not function.node.body:
        return None
    if len(assign.targets) != 1 or not isinstance(assign.targets[0].target, cst.Name):
        return None
    return None if any(_is_more(source, call) for call in source.find(assign.value, cst.Call)) else assign.value


def _is_more(source: Source, call: cst.Call) -> bool:
    """Whether a call may be more than arithmetic: of a method, or of a class of the file."""
    return not isinstance(call.func, cst.Name) or call.func.value in source.classes
