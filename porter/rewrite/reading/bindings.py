"""Which assignment a variable has its value from, at a statement of a function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from porter.rewrite.reading.source import LocalFunction, Source


@dataclass(frozen=True)
class Binding:
    """A variable and what gives it its value: `value` is None for a loop's variable and the like.

    `at` is the place in a tuple of targets; `statement` is None for a parameter.
    """

    name: str
    statement: cst.CSTNode | None
    value: cst.BaseExpression | None = None
    at: int | None = None


@dataclass(frozen=True)
class Bindings:
    """All bindings of a function, in order."""

    source: Source
    function: LocalFunction

    @cached_property
    def every(self) -> tuple[Binding, ...]:
        """Every binding that a statement makes."""
        kinds = (cst.Assign, cst.AnnAssign, cst.For, cst.CompFor, cst.AsName, cst.NamedExpr)
        nodes = self.source.find(self.function.node.body, *kinds)
        return tuple(binding for node in nodes for binding in _made_by(node))

    def reaching(self, name: str, at: cst.CSTNode) -> Binding | None:
        """The last binding before a statement that can reach it; a parameter's where there is no other."""
        return next(reversed(self.all_reaching(name, at)), None)

    def all_reaching(self, name: str, at: cst.CSTNode) -> list[Binding]:
        """All bindings before a statement that can reach it, a parameter's first."""
        own = [Binding(name, None)] if name in self.function.parameters else []
        made = (b for b in self.every if b.name == name and b.statement is not None and b.statement is not at)
        return own + [binding for binding in made if self._can_reach(binding, at)]

    def is_sure(self, binding: Binding, at: cst.CSTNode) -> bool:
        """Whether a variable always has its value from a binding at another statement that follows it."""
        if binding.statement is None:
            return True
        block = next(b for b in self.source.ancestors(binding.statement) if isinstance(b, cst.BaseSuite))
        around = list(self.source.ancestors(at))
        return any(ancestor is block for ancestor in around) and not self._bound_in_loop(binding, around)

    def _bound_in_loop(self, binding: Binding, around: list[cst.CSTNode]) -> bool:
        """Whether a loop that begins behind the binding gives the variable another value for its next turns."""
        assert binding.statement is not None
        loops = [node for node in around if isinstance(node, (cst.For, cst.While))]
        begun = [loop for loop in loops if not any(a is loop for a in self.source.ancestors(binding.statement))]
        others = (other.statement for other in self.every if other.name == binding.name)
        return any(above is loop for node in others if node for above in self.source.ancestors(node) for loop in begun)

    def _can_reach(self, binding: Binding, at: cst.CSTNode) -> bool:
        assert binding.statement is not None
        if not self.source.before(binding.statement, at):
            return False
        path = [binding.statement, *self.source.ancestors(binding.statement)]
        around = {id(node) for node in self.source.ancestors(at)}
        inside, branch = next((path[i - 1], node) for i, node in enumerate(path) if i and id(node) in around)
        return not (isinstance(branch, cst.If) and inside is branch.body and id(branch.body) not in around)


def _made_by(node: cst.CSTNode) -> Iterator[Binding]:
    if isinstance(node, cst.Assign):
        for target in node.targets:
            yield from _of_target(target.target, node, node.value)
    elif isinstance(node, cst.AnnAssign):
        yield from _of_target(node.target, node, node.value)
    elif isinstance(node, (cst.For, cst.CompFor)):
        yield from _of_target(node.target, node, None)
    elif isinstance(node, cst.NamedExpr):
        yield from _of_target(node.target, node, node.value)
    elif isinstance(node, cst.AsName) and isinstance(node.name, cst.BaseExpression):
        yield from _of_target(node.name, node, None)


def _of_target(target: cst.BaseExpression, node: cst.CSTNode, value: cst.BaseExpression | None) -> Iterator[Binding]:
    if isinstance(target, cst.Name):
        yield Binding(target.value, node, value)
    if isinstance(target, (cst.Tuple, cst.List)):
        for at, element in enumerate(target.elements):
            pair = isinstance(value, (cst.Tuple, cst.List)) and len(value.elements) == len(target.elements)
            own = value.elements[at].value if pair and isinstance(value, (cst.Tuple, cst.List)) else value
            yield from (
                Binding(found.name, node, own, None if pair else at) for found in _of_target(element.value, node, own)
            )
