"""What is known of each expression: as PyTorch ran it, else as the same name or the constructor suggests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import libcst as cst
import libcst.matchers as m

from porter.facts import Fact, Facts
from porter.facts.tensor_methods import owner_of_method, tensor_method
from porter.rewrite.reading.children import children_of
from porter.rewrite.reading.constructor import Constructors
from porter.rewrite.reading.fixed import FixedNumbers
from porter.rewrite.reading.given_classes import GivenClasses
from porter.rewrite.reading.nested_port import NestedPort
from porter.rewrite.reading.observed_names import TENSOR, observed_names
from porter.rewrite.reading.sizes_read import reads_size
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rewrite.reading.torch_results import gives_tensor, only_tensors_take
from porter.rulebook.call import code_of

SEQUENCE = Fact(kinds=frozenset({"tuple"}))
MASK = Fact(kinds=frozenset({"tensor"}), dtype="bool")
_OF_ELEMENTS = (cst.Equal, cst.NotEqual, cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
_LAST = m.UnaryOperation(operator=m.Minus(), expression=m.Integer("1"))
_LAST_AXIS = m.Subscript(slice=[m.SubscriptElement(m.Index(_LAST))]) | m.Call(args=[m.Arg(_LAST)])


@dataclass(frozen=True)
class Callee:
    """What can stand before the parentheses of a call: canonical names, and whether they are instances."""

    names: frozenset[str]
    kind: str  # "module" | "class" | "function"

    @property
    def name(self) -> str | None:
        """The only name, if there is just one."""
        return next(iter(self.names)) if len(self.names) == 1 else None


class Knowledge:
    """Facts first, then what the text itself says.

    `nested` has the ports of classes and functions of other files by their canonical names, `beside` the stems of
    the files beside by the modules that they are ports of. `giving` names the functions that return tensors, and
    variables that are only set to tensors, as far as no run has shown it; see `known`.
    """

    def __init__(
        self,
        source: Source,
        facts: Facts,
        nested: Mapping[str, NestedPort] = MappingProxyType({}),
        beside: Mapping[str, str] = MappingProxyType({}),
        giving: frozenset[str] = frozenset(),
    ) -> None:
        self.source = source
        self.facts = facts
        self.nested = nested
        self.beside = beside
        self.giving = giving
        self.constructors = Constructors(source)
        self.given = GivenClasses(source, facts)

    @cached_property
    def fixed(self) -> FixedNumbers:
        """The numbers that a layer has from its constructor."""
        return FixedNumbers.of(self.source)

    def traced(self, node: cst.CSTNode) -> Fact | None:
        """The fact of an expression that a run has evaluated."""
        try:
            return self.facts.at(self.source.span(node))
        except KeyError:  # a node the rewriter made has no position
            return None

    def fact(self, node: cst.BaseExpression) -> Fact | None:
        """The traced fact, else the same name's elsewhere in the function, else what the annotation promises."""
        found = self.traced(node)
        if found is not None and not (found.is_none and self._is_asked(node)):
            return found
        assumed = self._assume(node)
        return found if assumed is None else assumed

    def _is_asked(self, node: cst.BaseExpression) -> bool:
        """Whether an attribute of the expression is read: a run that saw None there stopped, for None has none."""
        parent = self.source.parents.get(node)
        return isinstance(parent, cst.Attribute) and parent.value is node

    def is_tensor(self, node: cst.BaseExpression) -> bool:
        """Whether the expression is a tensor, None aside."""
        found = self.fact(node)
        return found is not None and found.is_tensor

    def varies(self, node: cst.BaseExpression) -> bool:
        """Whether a number was not one and the same wherever the function has it, or is computed from such a one."""
        function = self.source.enclosing(node)
        if function is None:
            return False
        waiting, seen = [node], {code_of(node)}
        while waiting:
            one = waiting.pop()
            facts = [fact for fact in (self.traced(one), self._names(function).get(code_of(one))) if fact is not None]
            if any(fact.only("int") and not fact.has_value for fact in facts):
                return True
            values = [one] if not isinstance(one, cst.Name) else self.assigned_values(function, one.value)
            for name in (name for value in values for name in self.source.find(value, cst.Name)):
                if name.value not in seen:
                    seen.add(name.value)
                    waiting.append(name)
        return False

    def may_be_unknown(self, node: cst.BaseExpression) -> bool:
        """Whether a graph may not know a number: it varies, or a size of a tensor, other than its last, is part of it.

        All runs may have had the same size where the graph knows none, as of what was reshaped.
        """
        if self.varies(node):
            return True
        parts = self.source.find(node, cst.Name, cst.Subscript, cst.Call)
        return any(reads_size(self.source, part) and not m.matches(part, _LAST_AXIS) for part in parts)

    def counts_with_size(self, node: cst.BaseExpression) -> bool:
        """Whether a number is computed from a tensor's size that differed between runs: `math.sqrt(x.shape[1])`."""
        function, values = self.source.enclosing(node), [node]
        if isinstance(node, cst.Name) and function is not None:
            values = self.assigned_values(function, node.value)
        parts = (part for value in values for part in self.source.find(value, cst.Name, cst.Subscript, cst.Call))
        facts = ((part, self.traced(part)) for part in parts)
        unsure = (part for part, fact in facts if fact is not None and fact.only("int") and not fact.has_value)
        return any(reads_size(self.source, part) for part in unsure)

    def _assume(self, node: cst.BaseExpression) -> Fact | None:
        function = self.source.enclosing(node) if node in self.source.parents else None
        if function is None:
            return None
        if isinstance(node, cst.Attribute) and type(self.source.resolve(node)).__name__ == "dtype":
            return Fact(kinds=frozenset({"dtype"}), has_value=True, value=node.attr.value)
        if isinstance(node, (cst.Name, cst.Attribute)):
            named = self._names(function).get(code_of(node)) or self._assigned_tuple(function, node)
            if named is None and (self._is_weight(node) or self._assigned_tensor(function, node)):
                return TENSOR
            return named or self._layer(node)
        if isinstance(node, cst.Call):
            callee = self.callee(node)
            if callee and callee.kind != "class" and all(map(self._gives_tensor, callee.names)):
                return TENSOR
            if callee is None and self._is_of_tensors_alone(node.func):
                return TENSOR
        if isinstance(node, cst.Comparison) and self._is_elementwise(node):
            return MASK
        if isinstance(node, cst.BinaryOperation) and (self.is_tensor(node.left) or self.is_tensor(node.right)):
            return TENSOR
        if isinstance(node, cst.BinaryOperation) and self._is_tuple(node):
            return SEQUENCE
        if isinstance(node, cst.Subscript) and (self.is_tensor(node.value) or self._is_taken_apart(node)):
            return TENSOR
        return None

    def _is_elementwise(self, node: cst.Comparison) -> bool:
        """Whether it compares a tensor's elements, as all but `is` and `in` do."""
        operator = node.comparisons[0].operator
        return len(node.comparisons) == 1 and isinstance(operator, _OF_ELEMENTS) and self.is_tensor(node.left)

    def _is_taken_apart(self, node: cst.Subscript) -> bool:
        """Whether a value that no run has shown is indexed as only tensors are."""
        return self.traced(node.value) is None and only_tensors_take(node)

    def _is_of_tensors_alone(self, func: cst.BaseExpression) -> bool:
        """Whether it is a method that nothing but tensors has, of a value that no run has shown: `windows.permute`."""
        if not isinstance(func, cst.Attribute) or m.matches(func.value, m.Name("self")):
            return False
        method = func.attr.value
        unseen = self.traced(func.value) is None and self.source.resolve(func.value) is None
        return unseen and owner_of_method(method) == "tensor" and gives_tensor(tensor_method(method))

    def _gives_tensor(self, name: str) -> bool:
        """Whether a function of torch, or one of the file that no run has entered, returns a tensor."""
        own = name.removeprefix("local.")
        return own in self.giving if own in self.source.functions else gives_tensor(name)

    def supposing(self, giving: frozenset[str]) -> Knowledge:
        """The same where these functions and variables give tensors."""
        more = Knowledge(self.source, self.facts, self.nested, self.beside, giving)
        more._by_function, more._assignments = self._by_function, self._assignments
        more.given = self.given
        return more

    def unseen_variables(self, function: LocalFunction) -> frozenset[str]:
        """The variables of a function whose values no run has shown."""
        return self.source.assigned(function) - {*function.parameters, *self._names(function)}

    @cached_property
    def _assignments(self) -> dict[str, dict[str, list[cst.BaseExpression]]]:
        return {}

    def assigned_values(self, function: LocalFunction, name: str) -> list[cst.BaseExpression]:
        """Everything the function assigns to a variable."""
        if function.name not in self._assignments:
            found: dict[str, list[cst.BaseExpression]] = {}
            for node in self.source.find(function.node, cst.Assign, cst.AnnAssign):
                assert isinstance(node, (cst.Assign, cst.AnnAssign))
                targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
                for target in targets:
                    if node.value is not None:
                        found.setdefault(code_of(target), []).append(node.value)
            self._assignments[function.name] = found
        return self._assignments[function.name].get(name, [])

    def _assigned_tuple(self, function: LocalFunction, node: cst.BaseExpression) -> Fact | None:
        """A variable that the function only ever sets to a tuple, or to what is made of tuples and shapes."""
        values = self.assigned_values(function, code_of(node))
        return SEQUENCE if values and all(self._is_tuple(value) for value in values) else None

    def _assigned_tensor(self, function: LocalFunction, node: cst.BaseExpression) -> bool:
        """Whether it is a variable that the function only ever sets to tensors."""
        return isinstance(node, cst.Name) and variable_of(function, node.value) in self.giving

    def _is_weight(self, node: cst.BaseExpression) -> bool:
        """Whether it is a weight of a layer that the constructor keeps, `self.dense.weight`, or one of the class's."""
        owner = self.source.enclosing_class(node)
        if owner is None or not isinstance(node, cst.Attribute):
            return False
        if m.matches(node.value, m.Name("self")):
            seen = self.facts.modules.get(owner)
            return seen is not None and node.attr.value in (*seen.parameters, *seen.buffers)
        of_layer = m.matches(node, m.Attribute(m.Attribute(m.Name("self")), m.Name("weight") | m.Name("bias")))
        return of_layer and cst.ensure_type(node.value, cst.Attribute).attr.value in self.children(owner)

    def _layer(self, node: cst.BaseExpression) -> Fact | None:
        """A layer that the constructor keeps, where no run came by: `self.dense`."""
        owner = self.source.enclosing_class(node)
        if owner is None or not isinstance(node, cst.Attribute) or not m.matches(node.value, m.Name("self")):
            return None
        names = self.children(owner).get(node.attr.value)
        return Fact(kinds=frozenset({"module"}), names=names) if names else None

    def _is_tuple(self, value: cst.BaseExpression) -> bool:
        """`(a, b)`, `x.shape`, `x.size()`, `x.shape[:-1]`, and such ones joined or repeated."""
        if isinstance(value, cst.BinaryOperation):
            sides = (value.left, value.right)
            joins, repeats = isinstance(value.operator, cst.Add), isinstance(value.operator, cst.Multiply)
            return any(map(self._is_tuple, sides)) and (repeats or (joins and all(map(self._is_tuple, sides))))
        if isinstance(value, cst.Subscript):
            return isinstance(value.slice[0].slice, cst.Slice) and self._is_tuple(value.value)
        if isinstance(value, cst.Call) and not value.args and m.matches(value.func, m.Attribute(attr=m.Name("size"))):
            return self.is_tensor(cst.ensure_type(value.func, cst.Attribute).value)
        if isinstance(value, cst.Name):
            seen = self.traced(value) or self._names_around(value).get(value.value)
            return seen is not None and seen.only("shape", "tuple")
        if isinstance(value, cst.Call):
            return self.source.canonical(value.func) in ("builtins.tuple", "builtins.list", "torch.Size")
        if isinstance(value, cst.Attribute):
            return value.attr.value == "shape" and self.is_tensor(value.value)
        return isinstance(value, (cst.Tuple, cst.List))

    @cached_property
    def _by_function(self) -> dict[str, dict[str, Fact]]:
        return {}

    def _names(self, function: LocalFunction) -> dict[str, Fact]:
        if function.name not in self._by_function:
            names = set(self.source.assigned(function))
            assigned = {name: self.assigned_values(function, name) for name in names}
            self._by_function[function.name] = observed_names(self.source, function, self.traced, assigned)
        return self._by_function[function.name]

    def _names_around(self, node: cst.CSTNode) -> dict[str, Fact]:
        function = self.source.enclosing(node)
        return self._names(function) if function is not None else {}

    @cached_property
    def _callees(self) -> dict[cst.Call, Callee | None]:
        return {}

    def makes_layer(self, calls: Iterable[cst.Call]) -> bool:
        """Whether one of the calls is of a class."""
        return any((callee := self.callee(call)) and callee.kind == "class" for call in calls)

    def callee(self, call: cst.Call) -> Callee | None:
        """What the call calls: traced, or resolved in the module's namespace, or by the constructor's attributes."""
        if call not in self._callees:
            self._callees[call] = self._find_callee(call)
        return self._callees[call]

    def _find_callee(self, call: cst.Call) -> Callee | None:
        found = self._filtered(call.func) or self.traced(call.func)
        static = self._static_callee(call.func)
        if found is None or not found.names:
            return static
        kinds = found.kinds - {"none"}
        kind = next((k for k in ("module", "class", "function") if k in kinds), None)
        if kind is None:
            return static
        names = found.names
        if static is not None and static.kind == kind == "module":
            names |= static.names
        return Callee(names, kind)

    def _filtered(self, func: cst.BaseExpression) -> Fact | None:
        """The model whose `forward_with_filtered_kwargs` is called, which calls the model."""
        if not isinstance(func, cst.Attribute) or func.attr.value != "forward_with_filtered_kwargs":
            return None
        model = self.traced(func.value)
        return model if model is not None and model.only("module") else None

    def _static_callee(self, func: cst.BaseExpression) -> Callee | None:
        name = self.source.canonical(func)
        if name is not None:
            resolved = self.source.resolve(func)
            return Callee(frozenset({name}), "class" if isinstance(resolved, type) else "function")
        if m.matches(func, m.Attribute(value=m.Name("self"))):
            return self._self_callee(func)
        if isinstance(func, cst.Attribute) and self.is_tensor(func.value):
            return Callee(frozenset({tensor_method(func.attr.value)}), "function")
        if isinstance(func, (cst.Name, cst.Subscript)):
            return self._item_callee(func) or self._alias_callee(func)
        return None

    def _alias_callee(self, func: cst.BaseExpression) -> Callee | None:
        """A variable that holds a function: `f = get_interface(name, eager_attention_forward)`."""
        function = self.source.enclosing(func)
        if function is None or not isinstance(func, cst.Name):
            return None
        for value in self.assigned_values(function, func.value):
            held = value.args[1].value if isinstance(value, cst.Call) and len(value.args) == 2 else value
            name = self.source.canonical(held) if isinstance(held, cst.Name) else None
            if name is not None and name.removeprefix("local.") in self.source.functions:
                return Callee(frozenset({name}), "function")
        return None

    def _self_callee(self, func: cst.BaseExpression) -> Callee | None:
        assert isinstance(func, cst.Attribute)
        owner = self.source.enclosing_class(func)
        if owner is None:
            return None
        children = self.children(owner).get(func.attr.value)
        if children:
            return Callee(children, "module")
        method = self.source.method(owner, func.attr.value)
        return Callee(frozenset({f"local.{method.name}"}), "function") if method else None

    def _item_callee(self, func: cst.BaseExpression) -> Callee | None:
        """`self.layer[0](...)` and the loop variable of `for layer in self.layers`."""
        owner = self.source.enclosing_class(func)
        if owner is None:
            return None
        attribute = _indexed_attribute(func) or self._looped_attribute(func)
        children = self.children(owner).get(f"{attribute}.*") if attribute else None
        return Callee(children, "module") if children else None

    def _looped_attribute(self, func: cst.BaseExpression) -> str | None:
        if not isinstance(func, cst.Name):
            return None
        for loop in self.source.ancestors(func):
            if isinstance(loop, cst.For) and any(
                name.value == func.value for name in self.source.find(loop.target, cst.Name)
            ):
                attributes = self.source.find(loop.iter, cst.Attribute)
                return next((a.attr.value for a in attributes if m.matches(a.value, m.Name("self"))), None)
        return None

    @cached_property
    def _children(self) -> dict[str, dict[str, frozenset[str]]]:
        return {}

    def children(self, class_name: str) -> dict[str, frozenset[str]]:
        """The layer classes each attribute of the class can hold, seen or written in a constructor."""
        if class_name not in self._children:
            self._children[class_name] = children_of(self.source, self.facts, self.constructors, class_name)
        return self._children[class_name]


def variable_of(function: LocalFunction, name: str) -> str:
    """How a variable is named among what gives tensors."""
    return f"{function.name}:{name}"


def _indexed_attribute(func: cst.BaseExpression) -> str | None:
    if isinstance(func, cst.Subscript) and m.matches(func.value, m.Attribute(value=m.Name("self"))):
        assert isinstance(func.value, cst.Attribute)
        return func.value.attr.value
    return None
