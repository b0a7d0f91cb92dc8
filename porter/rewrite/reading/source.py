"""The PyTorch file as the rewriter reads it: its tree, its positions, its classes and functions, its names."""

from __future__ import annotations

import builtins
import importlib
import inspect
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from itertools import chain
from types import ModuleType
from typing import Literal, TypeVar

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from porter.facts import Span
from porter.facts.canonical import canonical
from porter.rewrite.reading.decided_guards import without_decided_guards
from porter.rewrite.reading.keywords_kept import KeywordsRead, attribute_of
from porter.rewrite.reading.nodes_below import children
from porter.rulebook.call import code_of
from porter.subject import Subject

Node = TypeVar("Node", bound=cst.CSTNode)
ClassKind = Literal["model", "layer", "output", "plain"]
ACCESSORS = ("getter", "setter", "deleter")


@dataclass(frozen=True, eq=False)
class LocalFunction:
    """A function or method of the file.

    `keywords` is the name after `**`, if any; None also where the function uses it as a dictionary, and so keeps it.
    """

    name: str
    class_name: str | None
    node: cst.FunctionDef
    parameters: tuple[str, ...]
    keywords: str | None

    @property
    def own_name(self) -> str:
        """The name without its class."""
        return self.node.name.value

    @property
    def is_static(self) -> bool:
        """Whether it is a staticmethod."""
        return any(code_of(decorator.decorator) == "staticmethod" for decorator in self.node.decorators)


@dataclass(frozen=True, eq=False)
class LocalClass:
    """A class of the file; `lineage` names the file's own classes it inherits from, itself first.

    `is_root` marks a plain module that users make and call themselves, and its bases in the file.
    """

    name: str
    node: cst.ClassDef
    kind: ClassKind
    lineage: tuple[str, ...]
    torch_base: str | None
    is_root: bool = False


class Source:
    """One PyTorch modeling file, parsed once and shared by all passes."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.module: ModuleType = importlib.import_module(subject.module_name)
        wrapper = MetadataWrapper(cst.parse_module(subject.source), unsafe_skip_copy=True)
        self._positions: Mapping[cst.CSTNode, object] = wrapper.resolve(PositionProvider)
        self.tree, self.decided_guards = without_decided_guards(wrapper.module, self.module, self.span)
        self._order = _Order(self.tree)
        self.parents: Mapping[cst.CSTNode, cst.CSTNode] = self._order.parents
        self._enclosing: dict[cst.CSTNode, LocalFunction | None] = {}

    def find(self, root: cst.CSTNode, *kinds: type[Node]) -> list[Node]:
        """The nodes of these kinds inside an original node (itself too), parents first."""
        return self._order.find(root, kinds)

    def before(self, one: cst.CSTNode, other: cst.CSTNode) -> bool:
        """Whether an original node stands before another one, or around it."""
        return self._order.ranges[one][0] < self._order.ranges[other][0]

    def span(self, node: cst.CSTNode) -> Span:
        """Where the node stands, without its own parentheses."""
        found = self._positions[node]
        return Span(found.start.line, found.start.column, found.end.line, found.end.column)  # type: ignore[attr-defined]

    def line(self, node: cst.CSTNode) -> int:
        """The 1-based line the node starts on."""
        return self.span(node).line

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """The nodes around this one, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    @cached_property
    def functions(self) -> dict[str, LocalFunction]:
        """All functions and methods by qualified name: "BertLayer.forward", "Scaled.width.setter"."""
        found = [self._function(node, None) for node in self.tree.body if isinstance(node, cst.FunctionDef)]
        for local in self.classes.values():
            methods = (node for node in local.node.body.body if isinstance(node, cst.FunctionDef))
            found += [self._function(node, local.name) for node in methods]
        return {function.name: function for function in found}

    @cached_property
    def classes(self) -> dict[str, LocalClass]:
        """All top-level classes by name, in the order of the file."""
        nodes = [node for node in self.tree.body if isinstance(node, cst.ClassDef)]
        names = {node.name.value for node in nodes}
        return {node.name.value: self._class(node, names) for node in nodes}

    @cached_property
    def _by_node(self) -> dict[cst.FunctionDef, LocalFunction]:
        return {function.node: function for function in self.functions.values()}

    def defined_by(self, node: cst.FunctionDef) -> LocalFunction | None:
        """The function or method that a definition makes; None inside functions, and where another one replaces it."""
        return self._by_node.get(node)

    def enclosing(self, node: cst.CSTNode) -> LocalFunction | None:
        """The function or method of the file that holds this node."""
        if node not in self._enclosing:
            own = self._by_node.get(node) if isinstance(node, cst.FunctionDef) else None
            above = self.parents.get(node)
            self._enclosing[node] = own or (self.enclosing(above) if above is not None else None)
        return self._enclosing[node]

    def enclosing_class(self, node: cst.CSTNode) -> str | None:
        """The name of the top-level class that holds this node."""
        for ancestor in (node, *self.ancestors(node)):
            if isinstance(ancestor, cst.ClassDef) and self.classes.get(ancestor.name.value):
                return ancestor.name.value
        return None

    @cached_property
    def calls(self) -> Mapping[str, list[cst.Call]]:
        """The calls of the file by the last name before the parentheses."""
        found: dict[str, list[cst.Call]] = {}
        for call in self.find(self.tree, cst.Call):
            name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
            if isinstance(name, cst.Name):
                found.setdefault(name.value, []).append(call)
        return found

    def is_spread_or_set(self, node: cst.Name) -> bool:
        """Whether a variable is only given a value here, or passed on as `**variable`."""
        parent = self.parents[node]
        return isinstance(parent, cst.AssignTarget) or (isinstance(parent, cst.Arg) and parent.star == "**")

    @cached_property
    def constructors(self) -> tuple[LocalFunction, ...]:
        """The `__init__` of each class that defines one."""
        return tuple(function for function in self.functions.values() if function.own_name == "__init__")

    @cached_property
    def constructing(self) -> frozenset[str]:
        """The constructors, and the functions that nothing but such ones names: no graph is traced there."""
        callers = self._named_in
        found = {function.name for function in self.constructors}
        while more := {name for name, naming in callers.items() if naming and naming <= found} - found:
            found |= more
        return frozenset(found)

    @cached_property
    def _named_in(self) -> dict[str, set[str]]:
        """Function -> the other functions in which its name is read, "" for the module's own statements."""
        named: dict[str, set[str]] = {function.own_name: set() for function in self.functions.values()}
        for node in self.find(self.tree, cst.Name):
            if node.value in named and not isinstance(self.parents.get(node), cst.FunctionDef):
                around = self.enclosing(node)
                named[node.value].add(around.name if around is not None else "")
        return {function.name: named[function.own_name] - {function.name} for function in self.functions.values()}

    def in_constructor(self, node: cst.CSTNode) -> bool:
        """Whether a node stands in a constructor, or in a function that nothing but constructors calls."""
        function = self.enclosing(node)
        return function is not None and function.name in self.constructing

    def in_init(self, node: cst.CSTNode) -> bool:
        """Whether a node stands in an `__init__` itself."""
        function = self.enclosing(node)
        return function is not None and function.own_name == "__init__"

    def method(self, class_name: str, method: str) -> LocalFunction | None:
        """The method as this class or the nearest of its bases in the file defines it."""
        local = self.classes.get(class_name)
        for base in local.lineage if local else ():
            name = f"{base}.{self._other_names(base).get(method, method)}"
            if name in self.functions:
                return self.functions[name]
        return None

    def _other_names(self, class_name: str) -> Mapping[str, str]:
        """The methods that a class gives another name beside their own: `forward = encode`."""
        lines = (line for line in self.classes[class_name].node.body.body if isinstance(line, cst.SimpleStatementLine))
        assigns = [small for line in lines for small in line.body if isinstance(small, cst.Assign)]
        pairs = [(each.targets[0].target, each.value) for each in assigns]
        return {a.value: b.value for a, b in pairs if isinstance(a, cst.Name) and isinstance(b, cst.Name)}

    def resolve(self, node: cst.BaseExpression) -> object | None:
        """What a dotted name of the module stands for; None for anything else and for local variables."""
        if isinstance(node, cst.Attribute):
            return attribute_of(self.resolve(node.value), node.attr.value)
        if isinstance(node, cst.Name) and not self._is_local(node):
            return getattr(self.module, node.value, getattr(builtins, node.value, None))
        return None

    def canonical(self, node: cst.BaseExpression) -> str | None:
        """The canonical name ("torch.nn.Linear", "local.BertLayer") of what a dotted name stands for."""
        found = self.resolve(node)
        if found is None:
            return None
        owner = self.resolve(node.value) if isinstance(node, cst.Attribute) and not callable(found) else None
        if isinstance(node, cst.Attribute) and inspect.ismodule(owner):
            return f"{owner.__name__}.{node.attr.value}"  # a constant such as torch.float32 has no name of its own
        return canonical(found, (self.subject.module_name,))

    def _is_local(self, node: cst.Name) -> bool:
        function = self.enclosing(node)
        return function is not None and node.value in self.assigned(function)

    @cached_property
    def _assigned_names(self) -> dict[str, frozenset[str]]:
        return {}

    def assigned(self, function: LocalFunction) -> frozenset[str]:
        """The names a function binds: its parameters, targets and loop variables."""
        if function.name not in self._assigned_names:
            collector = _Assignments()
            function.node.visit(collector)
            self._assigned_names[function.name] = frozenset(collector.names)
        return self._assigned_names[function.name]

    def _function(self, node: cst.FunctionDef, class_name: str | None) -> LocalFunction:
        name = ".".join([*([class_name] if class_name else []), node.name.value, *_accessor(node)])
        parameters = [p.name.value for p in (*node.params.posonly_params, *node.params.params)]
        parameters += [p.name.value for p in node.params.kwonly_params]
        keywords = node.params.star_kwarg.name.value if node.params.star_kwarg else None
        if keywords is not None and node.name.value != "__init__":
            names = (each for each in self.find(node.body, cst.Name) if isinstance(each, cst.Name))
            reads = [each for each in names if each.value == keywords]
            keywords = None if KeywordsRead(self.module, self.parents).are_kept(reads) else keywords
        found = LocalFunction(name, class_name, node, tuple(parameters), keywords)
        return replace(found, parameters=found.parameters[1:]) if class_name and not found.is_static else found

    def _class(self, node: cst.ClassDef, names: set[str]) -> LocalClass:
        found = getattr(self.module, node.name.value)
        lineage = tuple(base.__name__ for base in found.__mro__ if base.__name__ in names)
        outside = (base for base in found.__mro__ if base.__module__ != self.module.__name__)
        public = (canonical(base, (self.subject.module_name,)) for base in outside)
        torch_base = next((name for name in public if name and name.startswith("torch.nn.")), None)
        torch_base = None if torch_base == "torch.nn.Module" else torch_base
        is_root = _kind(found) == "layer" and node.name.value in self._roots
        return LocalClass(node.name.value, node, _kind(found), lineage, torch_base, is_root)

    @cached_property
    def _roots(self) -> frozenset[str]:
        """The classes that the subject's cases run, and their bases."""
        named = {model.name for case in self.subject.cases for model in case.models}
        found = [getattr(self.module, name) for name in named if inspect.isclass(getattr(self.module, name, None))]
        return frozenset(base.__name__ for cls in found for base in cls.__mro__)


def _accessor(function: cst.FunctionDef) -> list[str]:
    """`["setter"]` of what `@scale.setter` stands above; the method of the property's own name only reads."""
    written = {code_of(decorator.decorator) for decorator in function.decorators}
    return [accessor for accessor in ACCESSORS if f"{function.name.value}.{accessor}" in written]


class _Order:
    """All nodes of a tree, parents first: their list, each one's range in it, and its parent; white space aside."""

    def __init__(self, tree: cst.CSTNode) -> None:
        self.nodes: list[cst.CSTNode] = []
        self.ranges: dict[cst.CSTNode, tuple[int, int]] = {}
        self.parents: dict[cst.CSTNode, cst.CSTNode] = {}
        self._of_type: dict[type[cst.CSTNode], list[int]] = {}
        self._places: dict[tuple[type[cst.CSTNode], ...], list[int]] = {}
        self._walk(tree)

    def _walk(self, node: cst.CSTNode) -> None:
        start = len(self.nodes)
        self.nodes.append(node)
        self._of_type.setdefault(type(node), []).append(start)
        for child in children(node):
            self.parents[child] = node
            self._walk(child)
        self.ranges[node] = (start, len(self.nodes))

    def find(self, root: cst.CSTNode, kinds: tuple[type[Node], ...]) -> list[Node]:
        """The nodes of these kinds inside one, itself too; where they stand is looked up once for the whole tree."""
        if kinds not in self._places:
            of_types = (places for kind, places in self._of_type.items() if issubclass(kind, kinds))
            self._places[kinds] = sorted(chain.from_iterable(of_types))
        places = self._places[kinds]
        start, end = self.ranges[root]
        found = (self.nodes[place] for place in places[bisect_left(places, start) : bisect_left(places, end)])
        return list(found)  # type: ignore[arg-type]  # of these kinds


class _Assignments(cst.CSTVisitor):
    """Collects every name a function binds: parameters, targets, loop variables."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_Param(self, node: cst.Param) -> None:
        self.names.add(node.name.value)

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        self._bind(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:
        self._bind(node.target)

    def visit_For(self, node: cst.For) -> None:
        self._bind(node.target)

    def visit_CompFor(self, node: cst.CompFor) -> None:
        self._bind(node.target)

    def _bind(self, target: cst.BaseExpression) -> None:
        if isinstance(target, cst.Name):
            self.names.add(target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            for element in target.elements:
                self._bind(element.value)


def _kind(found: type) -> ClassKind:
    names = {base.__name__ for base in found.__mro__}
    if "PreTrainedModel" in names:
        return "model"
    if "ModelOutput" in names or _holds_tensors(found):
        return "output"
    return "layer" if "Module" in names else "plain"


def _holds_tensors(found: type) -> bool:
    """Whether it is a dataclass with fields that are annotated as tensors."""
    if not is_dataclass(found):
        return False
    return any("Tensor" in str(field.type) for field in fields(found))
