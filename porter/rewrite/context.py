"""What all passes over one file share: its source, its facts, its flow, and the Notes they leave."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Protocol

import libcst as cst
import libcst.matchers as m

from porter.facts import Fact
from porter.rewrite.reading.aliases import Aliases
from porter.rewrite.reading.calls_in_file import Flow
from porter.rewrite.reading.checks import Checks
from porter.rewrite.reading.filling import filling_functions
from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.loops import Loops
from porter.rewrite.reading.places_hit import Places
from porter.rewrite.reading.recomputed import Recomputed
from porter.rewrite.reading.scope import Rescoper
from porter.rewrite.reading.source import LocalFunction, Source
from porter.rulebook.call import Arg, code_of
from porter.rulebook.results import Level

PORTABLE_LIBRARIES = frozenset({"einops"})
"""Libraries whose functions take TensorFlow's tensors as well as PyTorch's."""


@dataclass(frozen=True, order=True)
class Note:
    """Something the reader should look at: `assumed` was translated without a fact, `left` was not translated."""

    line: int
    level: Level
    message: str
    hint: str
    file: str = ""


class Walk(Protocol):
    """The walk over the file, which writes each expression once."""

    def ported(self, original: cst.BaseExpression) -> cst.BaseExpression:
        """The port of an original expression, wherever it stands."""
        ...

    def has_build(self, class_name: str) -> bool:
        """Whether a class that stands above was written with a `build`."""
        ...

    def is_left_out(self, own_name: str) -> bool:
        """Whether a function of this name that gives weights their initial values was left out."""
        ...


@dataclass(frozen=True)
class Context:
    """What is known before the walk, none of which changes any more, and the Notes that the walk leaves.

    runtime: the names that generated files can import, layers: those among them that are Keras layers, methods: what
    the methods of its classes are called; module: what examples import the port's classes from; copies: whether
    comments about copies are kept.
    """

    source: Source
    knowledge: Knowledge
    flow: Flow
    loops: Loops
    checks: Checks
    aliases: Aliases
    recomputed: Recomputed
    places: Places
    runtime: frozenset[str]
    layers: frozenset[str]
    methods: frozenset[str]
    module: str
    copies: bool = True
    notes: set[Note] = field(default_factory=set)
    walk: Walk | None = None

    def note(self, node: cst.CSTNode, level: Level, message: str, hint: str = "") -> None:
        """Leave a Note at the line of an original node."""
        file = self.source.subject.file.name
        self.notes.add(Note(self.source.line(node), level, message, hint, file))

    def forget(self, node: cst.CSTNode) -> None:
        """Take back the Notes on an original node that has no place in the port."""
        span = self.source.span(node)
        self.notes.difference_update([note for note in self.notes if span.line <= note.line <= span.end_line])

    def fact(self, node: cst.BaseExpression) -> Fact | None:
        """What is known of an original expression."""
        return self.knowledge.fact(node)

    def is_of(self, variables: Mapping[str, Set[str]], node: cst.BaseExpression) -> bool:
        """Whether an expression is one of the variables, which are named by the function that they belong to."""
        function = self.source.enclosing(node)
        return isinstance(node, cst.Name) and function is not None and node.value in variables.get(function.name, ())

    def arg(self, original: cst.BaseExpression, updated: cst.BaseExpression, starred: bool = False) -> Arg:
        """An argument for a rule; a number computed from one that varied is not fixed, if one run alone came by."""
        fact = self.fact(original)
        if isinstance(original, cst.BinaryOperation) and fact is not None and fact.only("int") and fact.has_value:
            fact = replace(fact, has_value=False, value=None) if self.knowledge.varies(original) else fact
        return Arg(updated, original, fact, starred)

    @cached_property
    def clashes(self) -> frozenset[str]:
        """Names of the runtime that the file has for a function, its own or of another library, or for a variable."""
        bound = {name for function in self.source.functions.values() for name in self.source.assigned(function)}
        functions = self.source.find(self.source.tree, cst.FunctionDef)
        bound |= {node.name.value for node in functions if self._stands_alone(node)}
        return self.runtime & (bound | self._imported_from_elsewhere)

    @cached_property
    def _imported_from_elsewhere(self) -> frozenset[str]:
        """The names that the file imports from libraries which the port uses as they are."""
        imports = self.source.find(self.source.tree, cst.ImportFrom)
        aliases = (alias for node in imports if not isinstance(node.names, cst.ImportStar) for alias in node.names)
        names = {code_of(alias.asname.name if alias.asname else alias.name) for alias in aliases}
        return frozenset(name for name in names if self._is_of_a_library(self.source.canonical(cst.Name(name))))

    def _is_of_a_library(self, name: str | None) -> bool:
        return name is not None and name.partition(".")[0] in PORTABLE_LIBRARIES

    def _stands_alone(self, node: cst.CSTNode) -> bool:
        """Whether a function is called by its bare name: it is not a method."""
        block = self.source.parents.get(node)
        return block is None or not isinstance(self.source.parents.get(block), cst.ClassDef)

    @cached_property
    def stand_ins(self) -> Mapping[str, str]:
        """A name that the file does not have for each own function whose name the runtime has, too.

        Rules answer in text, so that in what they write a call of the runtime's function could not be told from one of
        the file's own. The own ones go by these names until the runtime's have got their aliases.
        """
        taken = {node.value for node in self.source.find(self.source.tree, cst.Name)}
        return {name: _not_taken(name, taken) for name in self.clashes}

    def own_call(self, original: cst.Call, ported: cst.BaseExpression) -> cst.BaseExpression:
        """The ported call, by a stand-in where a function of the file is called whose name the runtime has, too."""
        if not isinstance(original.func, cst.Name) or original.func.value not in self.clashes:
            return ported
        name = self.source.canonical(original.func)
        own = (name or "local.").startswith("local.") or self._is_of_a_library(name)
        if not own or not isinstance(ported, cst.Call) or not m.matches(ported.func, m.Name(original.func.value)):
            return ported
        return ported.with_changes(func=cst.Name(self.stand_ins[original.func.value]))

    def runtime_name(self, name: str) -> str:
        """How generated code refers to a function of the runtime: by an alias where a variable has its name."""
        return f"tf_{name}" if name in self.clashes else name

    @cached_property
    def filling(self) -> frozenset[str]:
        """The functions of the file that give weights their initial values."""
        return filling_functions(self.source)

    def fills_at(self, node: cst.CSTNode) -> bool:
        """Whether a node stands in a function that gives weights their initial values."""
        function = self.source.enclosing(node)
        return function is not None and function.name in self.filling

    def rescoper(self, owner: str) -> Rescoper:
        """The rescoper of a class."""
        return Rescoper(self.knowledge, owner, self.port)

    def port(self, original: cst.BaseExpression) -> cst.BaseExpression:
        """The port of an original expression, wherever it stands."""
        return original if self.walk is None else self.walk.ported(original)

    def has_build(self, class_name: str) -> bool:
        """Whether a class of the file, which stands above, was written with a `build`."""
        return self.walk is not None and self.walk.has_build(class_name)

    def is_left_out(self, own_name: str) -> bool:
        """Whether a function of the file that gives weights their initial values was left out."""
        return self.walk is not None and self.walk.is_left_out(own_name)

    def trains(self, function: LocalFunction | None) -> bool:
        """Whether the ported function has a `training` argument."""
        return function is not None and function.name in self.flow.training

    def has_training(self, node: cst.CSTNode) -> bool:
        """Whether `training` is a variable where the node stands."""
        return self.trains(self.source.enclosing(node))


def _not_taken(name: str, taken: Set[str]) -> str:
    return next(each for number in count(1) if (each := f"{name}_{number}") not in taken)


def tf_name(name: str) -> str:
    """The name of a class in the port."""
    return f"TF{name}"
