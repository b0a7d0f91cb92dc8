"""What a rule's function sees: a call whose arguments are bound, each with what PyTorch said about it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import libcst as cst

from porter.facts import Fact
from porter.rulebook.signature import Bound, Parameter, Signature

_CODE = cst.Module(body=())
_ATOMS = (
    cst.Name,
    cst.Attribute,
    cst.Call,
    cst.Subscript,
    cst.Integer,
    cst.Float,
    cst.SimpleString,
    cst.FormattedString,
    cst.List,
    cst.Tuple,
    cst.Dict,
    cst.ListComp,
    cst.Ellipsis,
)

_OPERATIONS = (cst.BinaryOperation, cst.UnaryOperation, cst.Comparison, cst.BooleanOperation)


class Unknown(Exception):
    """A rule lacks a fact, or does not cover these arguments; the line is kept with a Note that says why."""


def code_of(node: cst.CSTNode) -> str:
    """The source text of an expression."""
    return _CODE.code_for_node(node)


def is_atom(node: cst.BaseExpression) -> bool:
    """Whether the expression can stand before a dot or beside an operator without parentheses."""
    return isinstance(node, _ATOMS) or bool(node.lpar)


@dataclass(frozen=True)
class Arg:
    """One argument: `node` as it will be written, `original` as PyTorch has it, `fact` as seen while running."""

    node: cst.BaseExpression
    original: cst.BaseExpression
    fact: Fact | None = None
    starred: bool = False

    def __str__(self) -> str:
        """Its code, parenthesised where an operator beside it could tear it apart."""
        code = code_of(self.node)
        return code if is_atom(self.node) else f"({code})"

    @property
    def node_code(self) -> str:
        """Its code as it stands between commas."""
        if isinstance(self.node, _OPERATIONS):
            return code_of(self.node.with_changes(lpar=[], rpar=[]))
        return code_of(self.node)

    @property
    def code(self) -> str:
        """Its code as PyTorch has it."""
        return code_of(self.original)

    def rank(self) -> int:
        """Number of dimensions. Raises Unknown when no run, or runs of different rank, have shown it."""
        if self.fact is None or self.fact.rank is None:
            raise Unknown(f"the rank of `{code_of(self.original)}` was not seen")
        return self.fact.rank

    def dtype(self) -> str:
        """Such as "float32". Raises Unknown when it was not seen or differed."""
        if self.fact is None or self.fact.dtype is None:
            raise Unknown(f"the dtype of `{code_of(self.original)}` was not seen")
        return self.fact.dtype

    def is_a(self, kind: str) -> bool:
        """Whether nothing but this kind ("tensor", "int", "tuple", ...; None aside) was seen here."""
        return self.fact is not None and self.fact.kinds - {"none"} == {kind}

    def is_literal(self) -> bool:
        """Whether the argument is written out as a constant."""
        try:
            ast.literal_eval(code_of(self.original))
        except (ValueError, SyntaxError):
            return False
        return True

    def const(self) -> object:
        """The value of a literal. Raises Unknown for anything that is computed."""
        try:
            return ast.literal_eval(code_of(self.original))
        except (ValueError, SyntaxError):
            raise Unknown(f"`{code_of(self.original)}` is not a literal") from None

    def value(self) -> object:
        """The literal, or the one value that every run has shown. Raises Unknown when there is none."""
        if self.is_literal():
            return self.const()
        if self.fact is not None and self.fact.has_value:
            return self.fact.value
        raise Unknown(f"the value of `{code_of(self.original)}` is not fixed")

    def is_simple(self) -> bool:
        """Whether the code is a name or an attribute path, cheap and safe to write twice."""
        return all(part.isidentifier() for part in code_of(self.node).split("."))

    def elements(self) -> tuple[Arg, ...] | None:
        """The elements of a tuple or list that is written out; None for anything else."""
        if not isinstance(self.node, (cst.Tuple, cst.List)) or not isinstance(self.original, (cst.Tuple, cst.List)):
            return None
        pairs = list(zip(self.node.elements, self.original.elements, strict=True))
        facts = self.fact.items if self.fact is not None and self.fact.items is not None else (None,) * len(pairs)
        if len(facts) != len(pairs):
            facts = (None,) * len(pairs)
        return tuple(
            Arg(new.value, old.value, fact, isinstance(new, cst.StarredElement))
            for (new, old), fact in zip(pairs, facts, strict=True)
        )

    def spread(self) -> tuple[Arg, ...]:
        """The items of a starred variable one by one. Raises Unknown when their number was not seen."""
        if self.fact is None or self.fact.items is None or not self.is_simple():
            raise Unknown("starred arguments stand here")
        codes = (f"{code_of(self.node)}[{at}]" for at in range(len(self.fact.items)))
        nodes = (cst.parse_expression(code) for code in codes)
        return tuple(Arg(node, node, fact) for node, fact in zip(nodes, self.fact.items, strict=True))

    def axis(self, rank: int) -> int:
        """The value as a non-negative axis of a tensor of `rank` dimensions."""
        value = self.value()
        if not isinstance(value, int) or not -rank <= value < rank:
            raise Unknown(f"`{code_of(self.original)}` is not an axis of a tensor with {rank} dimensions")
        return value % rank


@dataclass(frozen=True)
class Call:
    """A call, attribute or constant to translate.

    `call.dim` is the argument bound to parameter `dim`, or its default as an argument; `call.given("dim")`
    tells whether the caller passed it. `result` is the fact of the whole expression.
    """

    signature: Signature
    bound: Bound[Arg]
    result: Fact | None
    invoke: Callable[[str, Sequence[str]], str] = field(repr=False, default=lambda f, a: f"{f}({', '.join(a)})")

    def __getattr__(self, name: str) -> Arg:
        if name in self.bound.given:
            return self.bound.given[name]
        parameter = self.signature.parameter(name)
        if parameter is None:
            raise AttributeError(name)
        if parameter.variadic:
            return self._packed()
        if parameter.default is None:
            raise Unknown(f"{self.signature.name} stands without {name}")
        return default_argument(parameter)

    def _packed(self) -> Arg:
        """The variadic arguments as one sequence: `view(2, -1)`, `view((2, -1))` and `view(*s)` become alike."""
        rest = self.bound.variadic
        if len(rest) == 1 and (rest[0].starred or _is_sequence(rest[0])):
            return Arg(rest[0].node, rest[0].original, rest[0].fact)
        texts = [("*" if arg.starred else "") + code_of(arg.node) for arg in rest]
        originals = [("*" if arg.starred else "") + code_of(arg.original) for arg in rest]
        fact = Fact.sequence([arg.fact for arg in rest]) if not any(arg.starred for arg in rest) else None
        return Arg(_tuple(texts), _tuple(originals), fact)

    @property
    def variadic(self) -> tuple[Arg, ...]:
        """The variadic arguments one by one."""
        return self.bound.variadic

    def given(self, name: str) -> bool:
        """Whether the caller passed this argument, and not as a literal None."""
        if name not in self.bound.given:
            return False
        return code_of(self.bound.given[name].original) != "None"

    def result_dtype(self) -> str:
        """The dtype of the tensor PyTorch returned. Raises Unknown when it was not seen or differed."""
        if self.result is None or self.result.dtype is None:
            raise Unknown(f"the dtype of the result of {self.signature.name} was not seen")
        return self.result.dtype

    def unknown(self, reason: str) -> NoReturn:
        """Keep the line as it is, for this reason."""
        raise Unknown(reason)


def default_argument(parameter: Parameter) -> Arg:
    """A parameter's default as if the caller had written it."""
    node = cst.parse_expression(parameter.default or "None")
    return Arg(node, node)


def _is_sequence(arg: Arg) -> bool:
    if arg.fact is not None and arg.fact.kinds & {"tuple", "list", "shape"}:
        return True
    return isinstance(arg.original, (cst.Tuple, cst.List))


def _tuple(texts: Sequence[str]) -> cst.BaseExpression:
    return cst.parse_expression(f"({', '.join(texts)}{',' if len(texts) == 1 else ''})")
