"""What a comparison is about: the share of a class's code that ran in it, and the arguments that had no value."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from porter.port.lines_run import Lines

Definition = ast.ClassDef | ast.FunctionDef
NOTHING: Mapping[str, str] = MappingProxyType({})
_ALWAYS = frozenset({"__init__", "call", "build"})
_BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Condition:
    """What a block of a port asks for: the line of its first statement, and the names in its condition."""

    block: int
    names: frozenset[str]


@dataclass(frozen=True)
class Place:
    """A statement of a port, by file and first and last line, and the conditions of the blocks around it."""

    file: str
    line: int
    end: int
    asked: frozenset[Condition] = frozenset()

    def ran(self, lines: Lines) -> bool:
        """Whether one of its lines ran."""
        return any(line in lines.get(self.file, ()) for line in range(self.line, self.end + 1))


@dataclass(frozen=True)
class Coverage:
    """What ran of the code that a class can reach.

    Attributes:
        ran: how many statements ran while the class was compared.
        statements: how many it can reach.
        unrun: those that did not run, by file: first and last lines of whole blocks.
        given: the arguments of forward that had a value.
        idle: the arguments that never had one, and the line of the port that asks for each and did not run.
        refused: those that PyTorch itself does not take in this configuration, with its reason.
    """

    ran: int = 0
    statements: int = 0
    unrun: tuple[Place, ...] = ()
    given: tuple[str, ...] = ()
    idle: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float | None:
        """The share of statements that ran; None where nothing was run."""
        return self.ran / self.statements if self.statements else None

    def merge(self, other: Coverage) -> Coverage:
        """What ran in either of two cases."""
        unrun = tuple(place for place in self.unrun if place in other.unrun)
        given = tuple(dict.fromkeys((*self.given, *other.given)))
        idle = {name: line for name, line in self.idle.items() if name in other.idle}
        refused = {name: why for name, why in self.refused.items() if name in other.refused and name not in given}
        statements = max(self.statements, other.statements)
        return Coverage(statements - len(unrun) if statements else 0, statements, unrun, given, idle, refused)

    def to_json(self) -> dict[str, object]:
        """As in the report: line numbers of the generated files."""
        return {
            "share": None if self.share is None else round(self.share, 4),
            "statements": self.statements,
            "given": list(self.given),
            "never_given": dict(self.idle),
            "refused": dict(self.refused),
            "unrun": {name: list(_ranges(self.unrun, name)) for name in dict.fromkeys(p.file for p in self.unrun)},
        }


def coverage(
    files: Iterable[Path],
    class_name: str,
    ran: Lines,
    given: Iterable[str],
    others: Iterable[str],
    refused: Mapping[str, str] = NOTHING,
) -> Coverage:
    """What ran of the class.

    Args:
        files: the port, and the files beside that belong to it.
        class_name: of the port's class.
        ran: the lines that ran.
        given: the arguments that had a value.
        others: those that never had one.
        refused: those that PyTorch does not take.
    """
    places = list(_reachable(files, class_name, ran))
    unrun = tuple(place for place in places if not place.ran(ran))
    entered = {(place.file, block.block) for place in places if place.ran(ran) for block in place.asked}
    asked = {
        name: place
        for place in reversed(unrun)
        for block in place.asked
        if (place.file, block.block) not in entered  # else what is missing is not what this one asks for
        for name in block.names
    }
    idle = {name: f"{asked[name].file}:{asked[name].line}" for name in others if name in asked}
    return Coverage(len(places) - len(unrun), len(places), unrun, tuple(given), idle, dict(refused))


def _ranges(places: Iterable[Place], file: str) -> Iterator[str]:
    """Lines that did not run, neighbours in one: "12-15"."""
    start = end = 0
    for place in sorted((p for p in places if p.file == file), key=lambda p: p.line):
        if end and place.line <= end + 1:
            end = max(end, place.end)
            continue
        if end:
            yield f"{start}-{end}" if end > start else str(start)
        start, end = place.line, place.end
    if end:
        yield f"{start}-{end}" if end > start else str(start)


def _reachable(files: Iterable[Path], class_name: str, ran: Lines) -> Iterator[Place]:
    """The statements of everything that ran, or that the class names, directly or through what it names."""
    definitions: dict[str, tuple[str, Definition]] = {}
    for path in files:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, Definition):
                definitions[node.name] = (path.name, node)
    entered = (name for name, (file, node) in definitions.items() if _is_entered(node, ran[file]))
    reached = dict.fromkeys([class_name, *entered])
    attributes = set(_ALWAYS)
    taken: dict[ast.FunctionDef, str] = {}
    while new := [pair for pair in _functions(definitions, reached, attributes) if pair[1] not in taken]:
        for file, function in new:
            taken[function] = file
            names, read = _names(function)
            attributes |= read
            reached.update(dict.fromkeys(names))
    for function, file in taken.items():
        yield from _statements(function.body, file, frozenset())


def _is_entered(node: Definition, ran: set[int]) -> bool:
    """Whether a line inside a definition ran, of a class a line of one of its methods."""
    inner = node.body if isinstance(node, ast.ClassDef) else [node]
    functions = (part for part in inner if isinstance(part, ast.FunctionDef))
    return any(f.body[0].lineno <= line <= (f.end_lineno or 0) for f in functions for line in ran)


def _functions(
    definitions: Mapping[str, tuple[str, Definition]], reached: Iterable[str], attributes: set[str]
) -> Iterator[tuple[str, ast.FunctionDef]]:
    for name in _with_bases(definitions, reached):
        file, node = definitions[name]
        if isinstance(node, ast.FunctionDef):
            yield file, node
        elif isinstance(node, ast.ClassDef):
            methods = (part for part in node.body if isinstance(part, ast.FunctionDef))
            yield from ((file, method) for method in methods if method.name in attributes)


def _names(node: ast.AST) -> tuple[list[str], set[str]]:
    names = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
    return names, {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def _with_bases(definitions: Mapping[str, tuple[str, Definition]], names: Iterable[str]) -> dict[str, None]:
    """Those of the names that the files define, and the classes that they inherit from."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in definitions or name in found:
            continue
        found[name] = None
        node = definitions[name][1]
        waiting += [base.id for base in getattr(node, "bases", ()) if isinstance(base, ast.Name)]
    return found


def _statements(body: list[ast.stmt], file: str, asked: frozenset[Condition]) -> Iterator[Place]:
    """The statements of a block, one for each line of thought: the heads of blocks, and what stands in them."""
    if body and _is_refusal(body[-1]):
        return
    for statement in body:
        if _is_silent(statement):
            continue
        if not isinstance(statement, _BLOCKS):
            yield Place(file, statement.lineno, statement.end_lineno or statement.lineno, asked)
            continue
        named: frozenset[str] = frozenset()
        if isinstance(statement, ast.If | ast.While):
            yield Place(file, statement.lineno, statement.test.end_lineno or statement.lineno, asked)
            named = frozenset(part.id for part in ast.walk(statement.test) if isinstance(part, ast.Name))
        for name in ("body", "orelse", "finalbody"):
            block: list[ast.stmt] = getattr(statement, name, [])
            inner = {Condition(block[0].lineno, named)} if block and named else set()
            yield from _statements(block, file, asked | inner)


def _is_refusal(statement: ast.stmt) -> bool:
    """Whether a block ends by refusing what it was given: no part of a proof."""
    return isinstance(statement, ast.Raise)


def _is_silent(statement: ast.stmt) -> bool:
    """Whether a statement computes nothing: docstrings, warnings, `pass`, `return` without a value."""
    if isinstance(statement, ast.Return):
        return statement.value is None
    if isinstance(statement, ast.Pass | ast.Assert | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    call = statement.value
    owner = call.func.value if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else None
    return isinstance(call, ast.Constant) or (isinstance(owner, ast.Name) and owner.id in ("logger", "warnings"))
