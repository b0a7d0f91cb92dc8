"""Guards that Python has decided when it imported the file: `try: from apex import Norm`, `except: class Norm`.

What the file's module holds is what is ported: where it comes from one side of a guard, that side stands without it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

import libcst as cst

from porter.facts import Span

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Definition = cst.ClassDef | cst.FunctionDef


def without_decided_guards(
    tree: cst.Module, module: ModuleType, span: Callable[[cst.CSTNode], Span]
) -> tuple[cst.Module, tuple[cst.CSTNode, ...]]:
    """The file with that side alone of each guard from which the module has its classes and functions; the guards."""
    guards: list[cst.CSTNode] = []

    def decided(statements: Sequence[cst.BaseStatement]) -> Iterator[cst.BaseStatement]:
        for statement in statements:
            side = next((each for each in _sides(statement) if _is_held(each, module, span)), None)
            if side is None:
                yield statement
            else:
                guards.append(statement)
                yield from decided(side)

    body = list(decided(tree.body))
    return (tree.with_changes(body=body) if guards else tree), tuple(guards)


def _sides(statement: cst.BaseStatement) -> Iterator[Sequence[cst.BaseStatement]]:
    """The blocks of which a guard runs one."""
    if isinstance(statement, cst.Try):
        blocks = [statement.body, *(handler.body for handler in statement.handlers)]
        blocks += [statement.orelse.body] if statement.orelse is not None else []
    elif isinstance(statement, cst.If):
        blocks = [statement.body]
        if isinstance(statement.orelse, cst.If):
            yield from _sides(statement.orelse)
        elif statement.orelse is not None:
            blocks.append(statement.orelse.body)
    else:
        blocks = []
    yield from (block.body for block in blocks if isinstance(block, cst.IndentedBlock))


def _is_held(side: Sequence[cst.BaseStatement], module: ModuleType, span: Callable[[cst.CSTNode], Span]) -> bool:
    """Whether the module has a class or function from here, or from a guard in it."""
    for statement in side:
        if isinstance(statement, (cst.ClassDef, cst.FunctionDef)):
            where = span(statement)
            if any(where.line <= line <= where.end_line for line in _lines(vars(module).get(statement.name.value))):
                return True
        elif any(_is_held(inner, module, span) for inner in _sides(statement)):
            return True
    return False


def _lines(found: object) -> Iterator[int]:
    """Lines at which the code of a class's methods, or of a function, begins."""
    for each in vars(found).values() if inspect.isclass(found) else [found]:
        function = inspect.unwrap(each) if callable(each) else getattr(each, "__func__", None)
        code = getattr(function, "__code__", None)
        if code is not None:
            # the first line of decorated code is its decorator's; that of the body is inside
            yield from (line for _, _, line in code.co_lines() if line is not None)
