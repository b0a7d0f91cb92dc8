"""What a statement's declaration sees: what its pattern's captures stand for, and the place where they stand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

import libcst as cst

from porter.facts import Fact
from porter.rulebook.call import Arg, Unknown
from porter.rulebook.pattern import Captures, fill
from porter.rulebook.results import Drop, Text
from porter.rulebook.template import parenthesised


class Place(Protocol):
    """What may be asked about the function around a match."""

    @property
    def in_constructor(self) -> bool:
        """Whether the statement stands in an `__init__`, or in what only constructors call."""
        ...

    @property
    def is_init(self) -> bool:
        """Whether the statement stands in an `__init__` itself."""
        ...

    @property
    def fills_weights(self) -> bool:
        """Whether the statement stands in a function that gives weights their initial values."""
        ...

    @property
    def keywords(self) -> str | None:
        """The name after `**` in the function's signature, where the function only names keys of it."""
        ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters that the function names in PyTorch."""
        ...

    def received(self, key: str) -> str:
        """The parameter that stands in the port for a key of the function's `**kwargs`."""
        ...

    def receives(self, key: str) -> bool:
        """Whether the ported function has a parameter of its own for this key of PyTorch's `**kwargs`."""
        ...

    def may_be_unknown(self, node: cst.BaseExpression) -> bool:
        """Whether a number is computed from a size that a graph may not know."""
        ...

    def resolve(self, node: cst.BaseExpression) -> object | None:
        """What a dotted name of the module stands for; None for a variable."""
        ...

    def canonical(self, node: cst.BaseExpression) -> str:
        """The canonical name of what an expression of the file stands for; empty for a variable."""
        ...

    def own_attribute(self, name: str) -> str:
        """The name in the port of an attribute that the class around sets on itself."""
        ...

    def is_child(self, owner: cst.BaseExpression, name: str) -> bool:
        """Whether the attribute of a layer of the file holds a layer."""
        ...

    def is_parameter(self, name: str) -> bool:
        """Whether PyTorch saw a parameter of this name in the class around."""
        ...

    def goes_through(self, name: str) -> bool:
        """Whether the function only goes through what the statement names, or takes some of it by its place."""
        ...

    def fills(self, call: cst.Call) -> bool:
        """Whether a call gives a weight its initial values."""
        ...

    def initialises(self, function: cst.BaseExpression) -> bool:
        """Whether a function or method of the file only gives weights their initial values."""
        ...


@dataclass(frozen=True)
class Match:
    """A node that a pattern matches.

    `m.x` is the argument that `$x` stands for, `m.rest("args")` are those of `$*args`, `m.block("body")` is a block
    of PyTorch's statements. `fact` is what the runs have shown of the whole node, if it is an expression.
    """

    node: cst.CSTNode
    captures: Captures
    fact: Fact | None
    place: Place
    argument: Callable[[cst.BaseExpression], Arg] = field(repr=False)

    def __getattr__(self, name: str) -> Arg:
        captured = self.captures.get(name)
        if not isinstance(captured, cst.BaseExpression):
            raise AttributeError(name)
        return self.argument(captured)

    def rest(self, name: str) -> tuple[Arg, ...]:
        """The arguments of a `$*name`, whatever their keywords."""
        captured = self.captures[name]
        assert isinstance(captured, tuple)
        return tuple(self.argument(node.value) for node in captured if isinstance(node, cst.Arg))

    def keyword(self, name: str, key: str) -> Arg | None:
        """The argument that a `$*name` holds under a keyword."""
        captured = self.captures[name]
        assert isinstance(captured, tuple)
        found = (a for a in captured if isinstance(a, cst.Arg) and a.keyword is not None and a.keyword.value == key)
        return next((self.argument(argument.value) for argument in found), None)

    def block(self, name: str) -> cst.BaseSuite:
        """The block of PyTorch's statements that a capture stands for."""
        captured = self.captures[name]
        assert isinstance(captured, cst.BaseSuite)
        return captured

    def fill(self, template: str) -> str:
        """The template's text with the captures as TensorFlow writes them."""
        return fill(template, lambda name: parenthesised(getattr(self, name).node))

    def canonical(self, arg: Arg) -> str:
        """The canonical name ("torch.nn.Linear") of what an argument stands for; empty for a variable."""
        return self.place.canonical(arg.original)

    def unknown(self, reason: str) -> NoReturn:
        """Keep the code as it is, for this reason."""
        raise Unknown(reason)


Condition = Callable[[Match], bool]
Answer = Callable[[Match], Text | Drop]
