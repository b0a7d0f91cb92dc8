"""Patterns: Python text in which `$name` stands for any expression, matched against the PyTorch file's tree.

`$*name` stands for all further arguments of a call, a `$name` that is a block's only statement for the whole block.
Comments, layout, parentheses and the kind of quotes do not count; one name twice must be the same text twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import TypeVar

import libcst as cst

from porter.rulebook.call import code_of

_CAPTURE = re.compile(r"\$(\*?)(\w+)")
_PREFIX = "_any_"
_OPERATIONS = (cst.BinaryOperation, cst.UnaryOperation, cst.Comparison, cst.BooleanOperation)
_LAYOUT = frozenset(
    {"lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "comma", "semicolon", "equal", "dot", "leading_lines",
     "trailing_whitespace", "header", "footer", "indent", "lines_after_decorators", "lines_before_colon"}
)  # fmt: skip

Captured = cst.CSTNode | tuple[cst.CSTNode, ...]
Captures = Mapping[str, Captured]


@dataclass(frozen=True)
class Pattern:
    """A parsed pattern: `node` is a statement's or an expression's tree, whose captures are names with a prefix."""

    text: str
    node: cst.CSTNode

    @property
    def kind(self) -> type[cst.CSTNode]:
        """The type of the nodes that can match."""
        return type(self.node)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the captures, in order."""
        return tuple(dict.fromkeys(found[2] for found in _CAPTURE.finditer(self.text)))

    def match(self, node: cst.CSTNode) -> Captures | None:
        """What each capture stands for in `node`; None where it does not match."""
        found: dict[str, Captured] = {}
        return found if _same(self.node, node, found) else None


def parse_statement(text: str) -> Pattern:
    """Read a pattern of a statement, such as `$x.data = $value` or `for $p in $layer.parameters(): $body`.

    Raises:
        libcst.ParserSyntaxError: the text is not a statement.
    """
    statement = cst.parse_statement(_without_dollars(text))
    return Pattern(text, statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement)


def parse_expression(text: str) -> Pattern:
    """Read a pattern of an expression, such as `ACT2FN[$name]`.

    Raises:
        libcst.ParserSyntaxError: the text is not an expression.
    """
    return Pattern(text, cst.parse_expression(_without_dollars(text)))


def fill(template: str, write: Callable[[str], cst.BaseExpression]) -> str:
    """The text of a template whose captures are replaced by what `write` gives for their names."""
    tree = _parsed(_without_dollars(template)).visit(_Filler(write))
    assert isinstance(tree, cst.Module)
    return tree.code


@cache
def _parsed(text: str) -> cst.Module:
    return cst.parse_module(text)


class _Filler(cst.CSTTransformer):
    def __init__(self, write: Callable[[str], cst.BaseExpression]) -> None:
        self.write = write

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        name = _captured_name(original_node)
        return updated_node if name is None else self.write(name)

    def leave_Arg(self, original_node: cst.Arg, updated_node: cst.Arg) -> cst.Arg:
        return _bare(original_node, updated_node)

    def leave_Assign(self, original_node: cst.Assign, updated_node: cst.Assign) -> cst.Assign:
        return _bare(original_node, updated_node)

    def leave_Index(self, original_node: cst.Index, updated_node: cst.Index) -> cst.Index:
        return _bare(original_node, updated_node)

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        """`"$name"` is the captured name as a string."""
        text = str(original_node.evaluated_value)
        name = _captured_name(cst.Name(text)) if text.isidentifier() else None
        return updated_node if name is None else cst.SimpleString(f'"{code_of(self.write(name))}"')


Holder = TypeVar("Holder", cst.Arg, cst.Assign, cst.Index)


def _bare(original: Holder, filled: Holder) -> Holder:
    """An operation needs no parentheses where a capture stands alone: behind `=`, between commas, in brackets."""
    value = filled.value
    if _captured_name(original.value) is None or not isinstance(value, _OPERATIONS):
        return filled
    return filled.with_changes(value=value.with_changes(lpar=[], rpar=[]))


def _without_dollars(text: str) -> str:
    return _CAPTURE.sub(lambda found: f"{found[1]}{_PREFIX}{found[2]}", text)


def _captured_name(node: object) -> str | None:
    is_capture = isinstance(node, cst.Name) and node.value.startswith(_PREFIX)
    return node.value.removeprefix(_PREFIX) if isinstance(node, cst.Name) and is_capture else None


def _same(pattern: object, node: object, found: dict[str, Captured]) -> bool:
    name = _captured_name(pattern)
    if name is not None:
        return isinstance(node, cst.BaseExpression) and _bind(name, node, found)
    if isinstance(pattern, cst.BaseSuite):
        return isinstance(node, cst.BaseSuite) and _same_block(pattern, node, found)
    if isinstance(pattern, cst.SimpleString):
        return isinstance(node, cst.SimpleString) and node.evaluated_value == pattern.evaluated_value
    if isinstance(pattern, (list, tuple)):
        return isinstance(node, (list, tuple)) and _same_sequence(pattern, node, found)
    if isinstance(pattern, cst.CSTNode):
        return type(pattern) is type(node) and all(
            _same(getattr(pattern, field), getattr(node, field), found) for field in _fields(type(pattern))
        )
    return pattern == node


def _bind(name: str, node: cst.CSTNode, found: dict[str, Captured]) -> bool:
    known = found.setdefault(name, node)
    return known is node or (isinstance(known, cst.CSTNode) and code_of(known) == code_of(node))


def _same_sequence(pattern: Sequence[object], nodes: Sequence[object], found: dict[str, Captured]) -> bool:
    rest = _rest_name(pattern[-1]) if pattern else None
    if rest is None:
        return len(pattern) == len(nodes) and all(_same(*pair, found) for pair in zip(pattern, nodes, strict=True))
    fixed = len(pattern) - 1
    if len(nodes) < fixed or not all(_same(*pair, found) for pair in zip(pattern[:-1], nodes, strict=False)):
        return False
    found[rest] = tuple(node for node in nodes[fixed:] if isinstance(node, cst.CSTNode))
    return True


def _rest_name(last: object) -> str | None:
    """The name in `f($*name)` and `x[$*name]`."""
    if isinstance(last, cst.SubscriptElement):
        last = last.slice
    starred = isinstance(last, (cst.Arg, cst.Index)) and last.star == "*"
    return _captured_name(last.value) if starred and isinstance(last, (cst.Arg, cst.Index)) else None


def _same_block(pattern: cst.BaseSuite, block: cst.BaseSuite, found: dict[str, Captured]) -> bool:
    wanted, statements = list(_statements(pattern)), list(_statements(block))
    whole = _captured_name(wanted[0].value) if len(wanted) == 1 and isinstance(wanted[0], cst.Expr) else None
    if whole is not None:
        return _bind(whole, block, found)
    return len(wanted) == len(statements) and all(_same(*pair, found) for pair in zip(wanted, statements, strict=True))


def _statements(block: cst.BaseSuite) -> Iterator[cst.CSTNode]:
    """A block's statements, whether it stands below its header or behind it."""
    for statement in block.body:
        if isinstance(statement, cst.SimpleStatementLine):
            yield from statement.body
        else:
            yield statement


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """The fields of a node that say something."""
    return tuple(field.name for field in fields(kind) if not (field.name in _LAYOUT or "whitespace" in field.name))
