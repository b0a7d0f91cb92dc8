"""Every file can be imported: what needs a name that nothing defines, or is not valid Python, raises when it runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m
from libcst.metadata import MetadataWrapper, PositionProvider

from porter.rewrite.context import Context, Note
from porter.rewrite.text.format import undefined_names
from porter.rulebook.call import code_of
from porter.rulebook.results import Level

ROUNDS = 20
_MARK = re.compile(r"# noqa: L(\d+)$")
_LONGEST = 12  # lines of a statement that a comment shows


@dataclass(frozen=True)
class Problem:
    """A place of the draft that keeps it from being imported or run: line and column from 1 and 0, and why.

    name is the one that nothing defines, if that is the reason.
    """

    line: int
    column: int
    reason: str
    name: str = ""


def importable(context: Context, module: cst.Module) -> cst.Module:
    """The module with each statement that cannot run replaced by one that says so, with its Note.

    In a function the statement raises when it is reached, a function or class whose head cannot be evaluated raises
    when it is called, and a statement of a module or class body is dropped. What is dropped may have defined a name,
    so this goes on until nothing is missing.
    """
    unbound: set[str] = set()
    for _ in range(ROUNDS):
        problems = [problem for problem in _problems(module.code) if problem.name not in unbound]
        raising = _Raising(context, problems)
        module = MetadataWrapper(module).visit(raising) if problems else module
        unbound |= raising.unbound  # what reads them stands behind a line that raises
        if len(raising.problems) == len(problems):  # there is none, or none that a statement is to blame for
            break
    return module


def _problems(code: str) -> list[Problem]:
    try:
        compile(code, "draft", "exec", dont_inherit=True)
    except SyntaxError as error:
        return [
            Problem(error.lineno or 1, (error.offset or 1) - 1, f"the port of this line is not Python: {error.msg}")
        ]
    return [
        Problem(line, column, f"`{name}` has no counterpart in TensorFlow", name)
        for line, column, name in undefined_names(code)
    ]


class _Raising(cst.CSTTransformer):
    """Replaces the innermost statement around each problem; an annotation with one is left out."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self, context: Context, problems: Sequence[Problem]) -> None:
        super().__init__()
        self.context = context
        self.problems = list(problems)
        self.unbound: set[str] = set()
        self._functions = 0
        self._elifs: set[cst.CSTNode] = set()
        self._untyped: set[cst.CSTNode] = set()

    def _inside(self, *nodes: cst.CSTNode | None) -> Problem | None:
        """The first problem that lies in one of the nodes."""
        for node in nodes:
            found = self.get_metadata(PositionProvider, node, None) if node is not None else None
            for problem in self.problems:
                if found is None:
                    continue
                start, end = (found.start.line, found.start.column), (found.end.line, found.end.column)
                if start <= (problem.line, problem.column) <= end:
                    return problem
        return None

    def _take(self, *nodes: cst.CSTNode | None) -> Problem | None:
        """The same, with all that lie there taken as dealt with."""
        found = self._inside(*nodes)
        while (other := self._inside(*nodes)) is not None:
            self.problems.remove(other)
        return found

    def leave_Annotation(  # type: ignore[override]  # LibCST forgets that an annotation may go
        self, original_node: cst.Annotation, updated_node: cst.Annotation
    ) -> cst.Annotation | cst.RemovalSentinel:
        return cst.RemoveFromParent() if self._take(original_node) else updated_node

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if self._take(node.annotation) is not None:
            self._untyped.add(node)

    def leave_AnnAssign(self, original_node: cst.AnnAssign, updated_node: cst.AnnAssign) -> cst.BaseSmallStatement:
        if original_node not in self._untyped:
            return updated_node
        if updated_node.value is None:
            return updated_node.with_changes(annotation=cst.Annotation(cst.Name("object")))
        return cst.Assign([cst.AssignTarget(updated_node.target)], updated_node.value)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.BaseStatement | cst.RemovalSentinel:
        problem = self._take(original_node)
        return updated_node if problem is None else self._instead(problem, updated_node)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._functions += 1

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.BaseStatement:
        self._functions -= 1
        problem = self._take(*original_node.decorators, original_node.params)
        if problem is None:
            return updated_node
        head = cst.ensure_type(cst.parse_statement("def f(*args, **kwargs): pass"), cst.FunctionDef)
        body = self._raising(problem, original_node, f"{original_node.name.value} raises when it is called")
        return updated_node.with_changes(decorators=[], params=head.params, body=cst.IndentedBlock([body]))

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.BaseStatement:
        problem = self._take(*original_node.decorators, *original_node.bases, *original_node.keywords)
        if problem is None:
            return updated_node
        name = original_node.name.value
        head = cst.parse_statement("def __init__(self, *args, **kwargs): pass")
        raising = self._raising(problem, original_node, f"{name} raises when it is made")
        made = cst.ensure_type(head, cst.FunctionDef).with_changes(body=cst.IndentedBlock([raising]))
        kept = [s for s in updated_node.body.body if not m.matches(s, m.FunctionDef(name=m.Name("__init__")))]
        body = cst.IndentedBlock([made, *(s for s in kept if isinstance(s, cst.FunctionDef))])
        return updated_node.with_changes(decorators=[], bases=[], keywords=[], body=body)

    def leave_If(  # type: ignore[override]  # an elif may become an else
        self, original_node: cst.If, updated_node: cst.If
    ) -> cst.BaseStatement | cst.Else | cst.RemovalSentinel:
        problem = self._take(original_node.test)
        if problem is None:
            return updated_node
        instead = self._instead(problem, updated_node)
        if original_node in self._elifs and isinstance(instead, cst.BaseStatement):
            return cst.Else(cst.IndentedBlock([instead]))
        return instead

    def visit_If(self, node: cst.If) -> None:
        if isinstance(node.orelse, cst.If):
            self._elifs.add(node.orelse)

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> cst.BaseStatement | cst.RemovalSentinel:
        problem = self._take(original_node.iter, original_node.target)
        return updated_node if problem is None else self._instead(problem, updated_node)

    def leave_While(
        self, original_node: cst.While, updated_node: cst.While
    ) -> cst.BaseStatement | cst.RemovalSentinel:
        problem = self._take(original_node.test)
        return updated_node if problem is None else self._instead(problem, updated_node)

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> cst.BaseStatement | cst.RemovalSentinel:
        problem = self._take(*original_node.items)
        return updated_node if problem is None else self._instead(problem, updated_node)

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> cst.BaseStatement | cst.RemovalSentinel:
        problem = self._take(*(handler.type for handler in original_node.handlers))
        return updated_node if problem is None else self._instead(problem, updated_node)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        return updated_node if updated_node.body else updated_node.with_changes(body=[cst.parse_statement("pass")])

    def _instead(self, problem: Problem, statement: cst.BaseStatement) -> cst.BaseStatement | cst.RemovalSentinel:
        """What stands for a statement: one that raises, or nothing where the file itself is run."""
        if self._functions:
            targets = m.findall(statement, m.AssignTarget() | m.For() | m.AnnAssign() | m.NamedExpr() | m.AsName())
            names = (name for target in targets for name in m.findall(_bound(target), m.Name()))
            self.unbound |= {cst.ensure_type(name, cst.Name).value for name in names}
            return self._raising(problem, statement, "the line raises when it is reached")
        text = " ".join(_lines_of(statement)[:1])
        self._note(statement, "assumed", f"`{text}` was dropped: {problem.reason}")
        return cst.RemoveFromParent()

    def _raising(self, problem: Problem, statement: cst.BaseStatement, what: str) -> cst.SimpleStatementLine:
        """`raise NotImplementedError(...)`, with the statement's text above it."""
        line = self._line(statement)
        told = self._left_at(line)
        if told is None and self._absent_in_torch(problem.name):
            self._note(statement, "assumed", f"{problem.reason}, and PyTorch's file does not find it here; {what}")
        elif told is None:
            self._note(statement, "left", f"{problem.reason}; {what}")
        reason = problem.reason if told is None else told.message.partition(";")[0].rstrip(".")
        place = f"{self.context.source.subject.file.name}:{line}" if line else self.context.source.subject.file.name
        raising = cst.ensure_type(
            cst.parse_statement(f"raise NotImplementedError({f'{place}: {reason}'!r})"), cst.SimpleStatementLine
        )
        if not isinstance(statement, cst.FunctionDef | cst.ClassDef):
            comments = [cst.EmptyLine(comment=cst.Comment(f"# {text}".rstrip())) for text in _lines_of(statement)]
            raising = raising.with_changes(leading_lines=[*getattr(statement, "leading_lines", ()), *comments])
        mark = cst.Comment(f"# noqa: L{line}")
        whitespace = raising.trailing_whitespace.with_changes(whitespace=cst.SimpleWhitespace("  "), comment=mark)
        return raising.with_changes(trailing_whitespace=whitespace)

    def _absent_in_torch(self, name: str) -> bool:
        """Whether the PyTorch file imports a name, behind a guard, that is not installed."""
        imports = self.context.source.find(self.context.source.tree, cst.ImportAlias)
        imported = (alias.asname.name if alias.asname else alias.name for alias in imports)
        return name in map(code_of, imported) and not hasattr(self.context.source.module, name)

    def _left_at(self, line: int) -> Note | None:
        notes = (note for note in sorted(self.context.notes) if note.level == "left" and note.line == line)
        return next(notes, None)

    def _note(self, statement: cst.BaseStatement, level: Level, message: str) -> None:
        file, line = self.context.source.subject.file.name, self._line(statement)
        hint = "write what it stands for in TensorFlow" if level == "left" else ""
        self.context.notes.add(Note(line, level, f"{message}.", hint, file))

    def _line(self, statement: cst.BaseStatement) -> int:
        """The PyTorch line that a statement was written from; 0 where it is not known."""
        if isinstance(statement, cst.ClassDef):
            local = self.context.source.classes.get(statement.name.value.removeprefix("TF"))
            return self.context.source.line(local.node) if local is not None else 0
        comments = (cst.ensure_type(node, cst.Comment).value for node in m.findall(statement, m.Comment()))
        return next((int(mark[1]) for comment in comments if (mark := _MARK.search(comment))), 0)


def _bound(node: cst.CSTNode) -> cst.CSTNode:
    """What a node gives a value to."""
    found = node.name if isinstance(node, cst.AsName) else getattr(node, "target", node)
    assert isinstance(found, cst.CSTNode)
    return found


def _lines_of(statement: cst.BaseStatement) -> list[str]:
    """A statement's text, without what stands above it and porter's marks."""
    bare = statement.with_changes(leading_lines=[]) if hasattr(statement, "leading_lines") else statement
    lines = [re.sub(r"\s*# noqa: L\d+$", "", line) for line in code_of(bare).strip("\n").splitlines()]
    return lines if len(lines) <= _LONGEST else [*lines[:_LONGEST], "..."]
