"""Rewrites a module's syntax tree so that every expression inside its functions passes its value on to a watcher."""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from types import CodeType

from porter.facts import Fact, Span

WATCH = "__watch__"
ENTER = "__enter__"


@dataclass(frozen=True)
class Instrumented:
    """Compiled code that calls `__watch__(index, value)` for spans[index] and `__enter__(index)` for functions[index].

    literals: constants written in the functions; their facts need no run.
    """

    code: CodeType
    spans: tuple[Span, ...]
    functions: tuple[Span, ...]
    literals: Mapping[Span, Fact]


def instrument(source: str, filename: str) -> Instrumented:
    """Instrument a module. Line numbers stay, so tracebacks and inspect.getsource show the original text.

    Raises SyntaxError where the source is not Python.
    """
    tree = ast.parse(source, filename)
    watcher = _Watcher(source)
    watcher.visit(tree)
    ast.fix_missing_locations(tree)
    code = compile(tree, filename, "exec", dont_inherit=True)
    return Instrumented(code, tuple(watcher.spans), tuple(watcher.functions), watcher.literals)


class _Watcher(ast.NodeTransformer):
    """Decorators, annotations, class bases, default values and f-strings are left alone."""

    def __init__(self, source: str) -> None:
        self.spans: list[Span] = []
        self.functions: list[Span] = []
        self.literals: dict[Span, Fact] = {}
        self._source = source
        self._starts = [0, *accumulate(len(line) + 1 for line in source.split("\n")[:-1])]
        self._inside = False

    def visit(self, node: ast.AST) -> ast.AST | list[ast.stmt]:
        if isinstance(node, ast.expr):
            return self._expression(node) if self._inside else node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return self._function(node)
        if isinstance(node, ast.pattern):
            return node
        if isinstance(node, ast.AugAssign):
            return self._augmented(node)
        return self._parts(node)

    def _parts(self, node: ast.AST) -> ast.AST:
        """Visit the children, save those that say something about types only."""
        kept = {name: getattr(node, name) for name in ("decorator_list", "bases", "annotation") if hasattr(node, name)}
        for name in kept:
            setattr(node, name, [] if isinstance(kept[name], list) else None)
        self.generic_visit(node)
        for name, value in kept.items():
            setattr(node, name, value)
        return node

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        outside, self._inside = self._inside, True
        body = ast.Module(body=node.body, type_ignores=[])
        self.generic_visit(body)
        self._inside = outside
        start = 1 if ast.get_docstring(node, clean=False) is not None else 0
        arguments = node.args
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        named += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
        self.functions.append(self._span(node))
        prologue: list[ast.stmt] = [ast.Expr(_call(ENTER, len(self.functions) - 1))]
        prologue += [ast.Expr(self._watched(_name_of(argument), _name_of(argument))) for argument in named]
        for statement in prologue:
            ast.copy_location(statement, node)
        node.body = [*body.body[:start], *prologue, *body.body[start:]]
        return node

    def _augmented(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        """`x += 1` says what x was before; a target with a call in it is not evaluated twice."""
        target = node.target
        self.generic_visit(node)
        if not self._inside or any(isinstance(part, ast.Call) for part in ast.walk(target)):
            return node
        before = ast.parse(ast.unparse(target), mode="eval").body
        return [ast.copy_location(ast.Expr(self._watched(before, target)), node), node]

    def _expression(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Constant):
            if node.value is None or isinstance(node.value, bool | int | float | str):
                self.literals[self._span(node)] = Fact.constant(node.value)
            return node
        if isinstance(node, ast.JoinedStr):
            return node
        if isinstance(node, ast.Lambda):
            body = self._expression(node.body)
            node.body = body
        else:
            self.generic_visit(node)
        return self._watched(node, node) if _is_value(node) else node

    def _watched(self, node: ast.expr, place: ast.expr) -> ast.expr:
        self.spans.append(self._span(place))
        return ast.copy_location(_call(WATCH, len(self.spans) - 1, node), place)

    def _span(self, node: ast.stmt | ast.expr) -> Span:
        """ast counts UTF-8 bytes, a Span characters; parentheses around a tuple or generator are not part of it."""
        start = self._place(node.lineno, node.col_offset)
        end = self._place(node.end_lineno or node.lineno, node.end_col_offset or 0)
        if isinstance(node, ast.Tuple | ast.GeneratorExp):
            start, end = self._within_parentheses(start, end)
        return Span(*self._line_and_column(start), *self._line_and_column(end))

    def _within_parentheses(self, start: int, end: int) -> tuple[int, int]:
        text = self._source[start:end]
        # As arguments of a call the text is a call only if its parentheses belong together: not in `(a), (b)`.
        if not text.startswith("(") or not isinstance(ast.parse("f" + text, mode="eval").body, ast.Call):
            return start, end
        inner = text[1:-1]
        return start + 1 + len(inner) - len(inner.lstrip()), end - 1 - len(inner) + len(inner.rstrip())

    def _place(self, line: int, column: int) -> int:
        """Characters before this place of the syntax tree."""
        start = self._starts[line - 1]
        text = self._source[start : self._starts[line] if line < len(self._starts) else None]
        return start + (column if text.isascii() else len(text.encode()[:column].decode()))

    def _line_and_column(self, place: int) -> tuple[int, int]:
        line = bisect_right(self._starts, place)
        return line, place - self._starts[line - 1]


def _call(function: str, index: int, *values: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(function, ast.Load()), [ast.Constant(index), *values], [])


def _name_of(argument: ast.arg) -> ast.Name:
    name = ast.Name(argument.arg, ast.Load())
    name.lineno = name.end_lineno = argument.lineno
    name.col_offset = argument.col_offset
    name.end_col_offset = argument.col_offset + len(argument.arg.encode())
    return name


def _is_value(node: ast.expr) -> bool:
    """Whether the expression can stand as an argument of a call."""
    if isinstance(node, ast.Starred | ast.Slice | ast.Yield | ast.YieldFrom | ast.Await):
        return False
    if isinstance(node, ast.Tuple) and any(isinstance(item, ast.Slice) for item in node.elts):
        return False
    return isinstance(getattr(node, "ctx", None) or ast.Load(), ast.Load)
