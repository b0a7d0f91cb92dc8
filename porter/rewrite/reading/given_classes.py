"""Layer classes of torch that a file calls by what holds them: a parameter, an attribute, an entry of a table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import libcst as cst
import libcst.matchers as m

from porter.facts import Fact, Facts
from porter.rewrite.reading.source import Source
from porter.rulebook import find_card


@dataclass(frozen=True, eq=False)
class GivenClasses:
    """Which calls are of whatever layer class stands there: another may be given, so that none is written down."""

    source: Source
    facts: Facts

    @cached_property
    def calls(self) -> frozenset[cst.Call]:
        """The calls of parameters, attributes and entries that held layer classes, perhaps with some arguments."""
        return frozenset(
            call for call in self.source.find(self.source.tree, cst.Call) if self._calls_what_was_given(call)
        )

    def names(self, call: cst.Call) -> frozenset[str]:
        """The classes that such a call was seen to make."""
        fact = self._fact(call.func)
        return fact.names if fact is not None else frozenset()

    def keywords(self, name: str) -> frozenset[str]:
        """The keywords that such calls make a class with, or may make it with where `**options` stand."""
        return frozenset(
            keyword for call in self._calls_of(name) for argument in call.args for keyword in self._said(argument)
        )

    def spreads(self, name: str) -> bool:
        """Whether such calls make a class with `**options` that no run has shown."""
        arguments = (argument for call in self._calls_of(name) for argument in call.args if argument.star == "**")
        return any(self._entries(argument) is None for argument in arguments)

    def positional(self, name: str) -> int:
        """With how many arguments by position such calls make a class, at most."""
        calls = self._calls_of(name)
        return max((sum(not a.star and a.keyword is None for a in call.args) for call in calls), default=0)

    def _calls_of(self, name: str) -> list[cst.Call]:
        """The calls that were seen to make a class, or that another configuration would let make it."""
        return [call for call in self.calls if name in self.names(call) or name in self._written(call)]

    def _written(self, call: cst.Call) -> frozenset[str]:
        """The classes that a called variable is set to, or has by default: `act = act or nn.GELU; act()`."""
        function = self.source.enclosing(call)
        if function is None or not isinstance(call.func, cst.Name):
            return frozenset()
        called = m.Name(call.func.value)
        values = [
            node.value
            for node in self.source.find(function.node, cst.Assign)
            if any(m.matches(target.target, called) for target in node.targets)
        ]
        values += [
            node.default
            for node in self.source.find(function.node.params, cst.Param)
            if node.default is not None and m.matches(node.name, called)
        ]
        parts = (part for value in values for part in self.source.find(value, cst.Name, cst.Attribute))
        names = (self.source.canonical(part) for part in parts)
        return frozenset(name for name in names if name is not None and find_card(name) is not None)

    def _said(self, argument: cst.Arg) -> frozenset[str]:
        if argument.keyword is not None:
            return frozenset({argument.keyword.value})
        return (self._entries(argument) or frozenset()) if argument.star == "**" else frozenset()

    def _entries(self, argument: cst.Arg) -> frozenset[str] | None:
        """The keys that runs have shown of `**options`."""
        fact = self._fact(argument.value)
        return (
            frozenset(str(key) for key, _ in fact.entries) if fact is not None and fact.entries is not None else None
        )

    def _calls_what_was_given(self, call: cst.Call) -> bool:
        holder = m.Name() | m.Attribute() | m.Subscript() | m.Call(func=m.Name("getattr"))
        if not m.matches(call.func, holder) or self.source.canonical(call.func) is not None:
            return False
        fact = self._fact(call.func)
        if fact is None or not fact.only("class", "function") or not any(map(find_card, fact.names)):
            return False
        known = all(find_card(name) is not None or name.startswith("local.") for name in fact.names)
        return known and not fact.names & self._compared and not self._is_one_class(call.func)

    def _is_one_class(self, function: cst.BaseExpression) -> bool:
        """Whether it is a variable that is only ever set to one class: `norm = nn.LayerNorm`."""
        inside = self.source.enclosing(function)
        if inside is None or not isinstance(function, cst.Name) or function.value in inside.parameters:
            return False
        set_to = [
            self.source.canonical(node.value)
            for node in self.source.find(inside.node, cst.Assign)
            for each in node.targets
            if m.matches(each.target, m.Name(function.value))
        ]
        return len(set_to) == 1 and set_to[0] is not None

    @cached_property
    def _compared(self) -> frozenset[str]:
        """The classes that the file compares with others, which a function that makes the layer is not."""
        comparisons = self.source.find(self.source.tree, cst.Comparison)
        parts = (part for node in comparisons for part in self.source.find(node, cst.Name, cst.Attribute))
        return frozenset(name for part in parts if (name := self.source.canonical(part)) is not None)

    def _fact(self, node: cst.BaseExpression) -> Fact | None:
        return self.facts.at(self.source.span(node))
