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
        """The keywords that such calls make a class with."""
        arguments = (argument for call in self.calls if name in self.names(call) for argument in call.args)
        return frozenset(argument.keyword.value for argument in arguments if argument.keyword is not None)

    def positional(self, name: str) -> int:
        """With how many arguments by position such calls make a class, at most."""
        calls = (call for call in self.calls if name in self.names(call))
        return max((sum(not a.star and a.keyword is None for a in call.args) for call in calls), default=0)

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
