"""Lines: what each small statement becomes, and the mark that says which PyTorch line it came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.expressions.annotations import port_annotation
from porter.rewrite.expressions.filled_weights import fill_assignment
from porter.rewrite.reading.filling import is_made_here
from porter.rewrite.statements.aliased import following, preceding, taken, taken_inside
from porter.rewrite.statements.in_place import assignment
from porter.rewrite.statements.stored_weights import kept_for_good
from porter.rewrite.statements.unpacked import unpacked
from porter.rulebook.call import code_of
from porter.rulebook.results import Drop, Nothing, Text

Answers = Mapping[cst.CSTNode, Text | Drop]


@dataclass(frozen=True)
class _Pair:
    """A small statement as PyTorch and as the port has it so far."""

    before: cst.BaseSmallStatement
    after: cst.BaseSmallStatement


def port_line(
    context: Context, original: cst.SimpleStatementLine, updated: cst.SimpleStatementLine, answers: Answers
) -> cst.SimpleStatementLine | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """One line of simple statements; `answers` are those that declarations gave."""
    pairs = [_Pair(*pair) for pair in zip(original.body, updated.body, strict=True)]
    lines = [line for pair in pairs for line in _lines(context, pair, answers)]
    if not lines:
        return cst.RemoveFromParent()
    if len(lines) == len(pairs) and not any(pair.before in answers for pair in pairs):
        small = [statement for line in lines for statement in line.body]
        lines = [updated.with_changes(body=small)]  # a line of several statements stays one
    else:
        lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
        lines[-1] = lines[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
    marked = [_marked(line, context.source.line(original)) for line in lines]
    return marked[0] if len(marked) == 1 else cst.FlattenSentinel(marked)


def port_suite(
    context: Context, original: cst.SimpleStatementSuite, updated: cst.SimpleStatementSuite, answers: Answers
) -> cst.BaseSuite:
    """`if x: y.mul_(2)`: where a statement behind the colon changes, it goes below."""
    pairs = [_Pair(*pair) for pair in zip(original.body, updated.body, strict=True)]
    lines = [line for pair in pairs for line in _lines(context, pair, answers)]
    if [small for line in lines for small in line.body] == [pair.after for pair in pairs]:
        return updated
    return cst.IndentedBlock(lines or [cst.SimpleStatementLine([cst.Pass()])])


def _marked(line: cst.SimpleStatementLine, number: int) -> cst.SimpleStatementLine:
    if line.trailing_whitespace.comment is not None:
        return line
    mark = cst.Comment(f"# noqa: L{number}")
    whitespace = line.trailing_whitespace.with_changes(whitespace=cst.SimpleWhitespace("  "), comment=mark)
    return line.with_changes(trailing_whitespace=whitespace)


def statements_of(answer: Text | Drop) -> Sequence[cst.SimpleStatementLine | cst.BaseCompoundStatement]:
    """The statements that a declaration gave."""
    return () if isinstance(answer, Drop) else cst.parse_module(answer.code).body


def placed(
    answer: Text | Drop, above: Sequence[cst.EmptyLine]
) -> cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel:
    """The statements that stand for a whole loop or branch, below the comments that stood above it."""
    statements = list(statements_of(answer))
    if not statements:
        return cst.RemoveFromParent()
    statements[0] = statements[0].with_changes(leading_lines=above)
    return cst.FlattenSentinel(statements)


def _lines(context: Context, pair: _Pair, answers: Answers) -> Iterator[cst.SimpleStatementLine]:
    """What one small statement becomes: no line, one, or several."""
    answer = answers.get(pair.before)
    if answer is not None:
        for line in statements_of(answer):
            yield cst.ensure_type(line, cst.SimpleStatementLine)
        return
    if context.fills_at(pair.before):  # weights are written to in place there
        filled = fill_assignment(context, pair.before, pair.after) or _of_own_tensor(context, pair)
        yield cst.SimpleStatementLine([filled or pair.after])
        return
    both = (context, pair.before, pair.after)
    yield from preceding(context, pair.before)
    inside = taken_inside(*both)
    if inside:
        yield from (cst.SimpleStatementLine([statement]) for statement in inside)
        yield from following(context, pair.before)
        return
    written = taken(*both) or assignment(*both) or unpacked(*both)
    if written is not None or not _does_nothing(pair):
        yield cst.SimpleStatementLine([kept_for_good(context, pair.before, written or pair.after)])
    yield from following(context, pair.before)


def _of_own_tensor(context: Context, pair: _Pair) -> cst.BaseSmallStatement | None:
    """What becomes of a write into a part of a tensor that the function has made itself."""
    targets = [pair.before.target] if isinstance(pair.before, cst.AugAssign) else []
    targets += [each.target for each in pair.before.targets] if isinstance(pair.before, cst.Assign) else []
    own = len(targets) == 1 and is_made_here(context.knowledge, targets[0])
    return assignment(context, pair.before, pair.after) if own else None


def _does_nothing(pair: _Pair) -> bool:
    """Whether the port's statement is a value that nobody takes, or gives a variable to itself."""
    if isinstance(pair.before, cst.Expr) and isinstance(pair.after, cst.Expr):
        value = pair.after.value
        return isinstance(value, Nothing) or (isinstance(pair.before.value, (cst.Call, cst.Name)) and _is_path(value))
    if isinstance(pair.after, cst.Assign) and _is_path(pair.after.value):
        return code_of(pair.after.value) == code_of(pair.after.targets[0].target)
    return False


def _is_path(node: cst.BaseExpression) -> bool:
    """Whether it is a name, or attributes of one."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return isinstance(node, cst.Name)


def port_annotated(context: Context, original: cst.AnnAssign, updated: cst.AnnAssign) -> cst.AnnAssign | cst.Assign:
    """An annotated assignment in TensorFlow's types, a plain one where the annotation says nothing there."""
    annotation = port_annotation(context, original.annotation)
    if updated.value is None:
        return updated.with_changes(annotation=annotation or cst.Annotation(cst.Name("object")))
    if annotation is None or "Callable" in code_of(annotation.annotation):
        return cst.Assign([cst.AssignTarget(updated.target)], updated.value)
    return updated.with_changes(annotation=annotation)
