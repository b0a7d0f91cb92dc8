"""Watch one module's own code run: the values of its local variables after each statement."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

from diffcheck.compare.metrics import scale_of
from diffcheck.record.values import Flattened, flatten

RETURN = "return"
"""The name under which a function's result stands among the variables."""


@dataclass(frozen=True)
class Statement:
    """A simple statement: its lines (1-based), its first line's text, the names it sets and those it reads."""

    file: str
    line: int
    end_line: int
    text: str
    targets: tuple[str, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True)
class Event:
    """A variable just after the statement that set it; ``depth`` counts the watched functions that were at work."""

    name: str
    value: Flattened
    statement: Statement
    function: str
    depth: int = 0

    @functools.cached_property
    def summary(self) -> tuple[tuple[float, float], ...]:
        """The mean magnitude of each tensor, and how far a relative error of 1 could move it."""
        arrays = [tensor.array for tensor in self.value.tensors.values()]
        with np.errstate(all="ignore"):
            return tuple(
                (float(np.abs(array.astype(np.float64)).mean()), scale_of(array))
                if array.dtype.kind in "fiub" and array.size else (0.0, 1.0)
                for array in arrays
            )  # fmt: skip


@dataclass
class Watch:
    """A trace function for the code of some modules: their methods, and the plain functions of their file.

    Objects of the classes ``made`` are watched too: those that do not exist yet.
    """

    owners: tuple[object, ...]
    file: str
    made: tuple[type, ...] = ()
    events: list[Event] = field(default_factory=list)
    _depth: int = 0

    @functools.cached_property
    def statements(self) -> dict[int, Statement]:
        """The statements of the watched file by line."""
        return statements_of(self.file)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch everything that this thread runs meanwhile."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
        if event != "call" or not self._is_own(frame):
            return None
        statements = self.statements
        pending: list[Statement] = []
        self._depth += 1

        def local(inner: FrameType, what: str, result: object) -> Callable[..., Any]:
            if what == "line":
                current = statements.get(inner.f_lineno)
                if pending and current is not pending[0]:
                    self._finish(pending.pop(), inner)
                if current is not None and not pending:
                    pending.append(current)
            elif what == "return":
                if pending:
                    self._finish(pending.pop(), inner, result)
                self._depth -= 1
            return local

        return local

    def _is_own(self, frame: FrameType) -> bool:
        """A method of an owner, or a plain function of the file that such code calls."""
        code: CodeType = frame.f_code
        if code.co_filename != self.file or code.co_name.startswith("<"):
            return False
        if "self" in frame.f_locals:
            this = frame.f_locals["self"]
            return type(this) in self.made or any(this is owner for owner in self.owners)
        caller = frame.f_back
        while caller is not None and caller.f_code.co_filename != self.file:
            caller = caller.f_back
        while caller is not None and caller.f_code.co_name.startswith("<"):
            caller = caller.f_back
        return caller is not None and self._is_own(caller)

    def _finish(self, statement: Statement, frame: FrameType, result: object = None) -> None:
        for name in statement.targets:
            value = result if name == RETURN else _value(frame, name)
            flat = flatten(value)
            if flat.tensors:
                self.events.append(Event(name, flat, statement, frame.f_code.co_name, self._depth))


def _value(frame: FrameType, name: str) -> object:
    owner, _, attribute = name.partition(".")
    value = frame.f_locals.get(owner)
    return getattr(value, attribute, None) if attribute else value


def statements_of(file: str) -> dict[int, Statement]:
    """The simple statement on each line of a file; compound ones count with their header line only."""
    text = Path(file).read_text(encoding="utf-8")
    lines = text.splitlines()
    found: dict[int, Statement] = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt):
            targets = _targets(node)
            if targets is None:
                continue
            last = node.end_lineno or node.lineno
            if isinstance(node, ast.For):
                last = node.iter.end_lineno or node.lineno
            shown = "\n".join(lines[node.lineno - 1 : last])
            statement = Statement(file, node.lineno, last, shown, targets, _reads(node))
            found.update(dict.fromkeys(range(node.lineno, last + 1), statement))
    return found


def _targets(node: ast.stmt) -> tuple[str, ...] | None:
    """Names that a statement sets; None for one that contains other statements or sets nothing."""
    match node:
        case ast.Assign(targets=targets):
            return tuple(name for target in targets for name in _names(target))
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            return tuple(_names(target))
        case ast.Return(value=value):
            return (RETURN,) if value is not None else ()
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner))):
            return tuple(_names(owner))
        case ast.Expr() | ast.Assert() | ast.Raise() | ast.Pass():
            return ()
        case _:
            return None


def _names(target: ast.expr) -> Iterator[str]:
    match target:
        case ast.Name(id=name):
            yield name
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            yield f"self.{name}"
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _names(part)
        case ast.Subscript(value=owner) | ast.Starred(value=owner):
            yield from _names(owner)


def _reads(node: ast.stmt) -> tuple[str, ...]:
    found = [name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Load)]
    return tuple(dict.fromkeys(found))
