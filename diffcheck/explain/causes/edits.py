"""Small edits of one statement, each the reverse of a mistake that real ports have had."""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-8, 1e-12)
FILLS = ("tf.float32.min", "-1e4", "-1e9", "float('-inf')")
TRANSPOSITIONS = ((0, 2, 1, 3), (0, 1, 3, 2), (0, 2, 1), (1, 0, 2), (1, 0), (0, 2, 3, 1), (0, 3, 1, 2))
POWERS = (-0.5, 0.5, -1)
LARGE = 1e3


@dataclass(frozen=True)
class Edit:
    """A replacement for a statement, and the name of the mistake that it would repair."""

    cause: str
    statement: ast.stmt

    @property
    def text(self) -> str:
        """The repaired statement as source."""
        return ast.unparse(self.statement)


def edits_in_place(statement: ast.stmt, names: Sequence[str]) -> Iterator[Edit]:
    """Edits that bring in no other variable; but one for an argument of its name that is None."""
    nodes = list(ast.walk(statement))
    kinds = (_of_constants, _of_calls, _of_operators, _of_slices)
    yield from _edits(statement, (change for node in nodes for change in _left_out(node, names)))
    changes = ((node, change) for node in nodes for kind in kinds for change in kind(node))
    yield from _edits(statement, ((cause, node, new) for node, (cause, new) in changes))


def edits_with_names(statement: ast.stmt, names: Sequence[str], numbers: Sequence[str]) -> Iterator[Edit]:
    """Edits that use another variable or number: in place of an argument, as a term, in place of another.

    ``names`` are the local variables that the statement could use, ``numbers`` the module's numeric attributes.
    """
    nodes = list(ast.walk(statement))
    yield from _edits(statement, (change for node in nodes for change in _forgotten(node, names)))
    yield from _edits(statement, (change for node in nodes for change in _other_numbers(node, numbers)))
    yield from _edits(statement, (change for node in nodes for change in _added_terms(node, names)))
    yield from _edits(statement, (change for node in nodes for change in _other_names(node, names)))


def transpositions(statement: ast.stmt) -> Iterator[Edit]:
    """Two axes exchanged that were not: of what a statement computes, then of what it hands to calls."""
    value = getattr(statement, "value", None)
    calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call)]
    handed = [part for node in calls for part in (*node.args, *(keyword.value for keyword in node.keywords))]
    usable = [part for part in handed if isinstance(part, ast.Name | ast.Call | ast.BinOp)]
    for node in ([value] if isinstance(value, ast.expr) else []) + usable:
        for order in TRANSPOSITIONS:
            axes = ast.List([ast.Constant(axis) for axis in order], ast.Load())
            function = ast.Attribute(ast.Name("tf", ast.Load()), "transpose", ast.Load())
            yield from _edits(statement, [("axis order", node, ast.Call(function, [node, axes], []))])


def scalings(statement: ast.stmt, numbers: Sequence[str], sizes: Sequence[int]) -> Iterator[Edit]:
    """What a statement computes times or over one of the module's numbers, or the root of a size."""
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr):
        return
    factors = [f"/ self.{name}" for name in numbers] + [f"// self.{name}" for name in numbers]
    factors += [f"* self.{name}" for name in numbers] + [f"* {size} ** {power}" for size in sizes for power in POWERS]
    for factor in factors:
        scaled = ast.parse(f"({ast.unparse(value)}) {factor}", mode="eval").body
        yield from _edits(statement, [("scaling", value, scaled)])


def _edits(statement: ast.stmt, changes: Iterable[tuple[str, ast.AST, ast.expr]]) -> Iterator[Edit]:
    before = ast.unparse(statement)
    for cause, node, new in changes:
        # deepcopy puts `new` wherever it would have copied `node`.
        edit = Edit(cause, ast.fix_missing_locations(copy.deepcopy(statement, {id(node): new})))
        if edit.text != before:
            yield edit


def _of_constants(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    value = _number(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "flag", ast.Constant(not node.value)
    elif isinstance(value, float) and 0 < value <= 1e-2:
        yield from (("normalisation epsilon", ast.Constant(other)) for other in EPSILONS if other != value)
    elif isinstance(value, int) and abs(value) < LARGE:
        for other in (value - 1, value + 1, *range(-3, 4)):
            if other != value:
                yield "axis or bound", ast.Constant(other)
    if (value is not None and abs(value) >= LARGE) or (isinstance(node, ast.Attribute) and node.attr == "min"):
        yield from (("mask fill value", ast.parse(fill, mode="eval").body) for fill in FILLS)
    if isinstance(node, ast.Constant) and node.value in ("same", "valid", "SAME", "VALID"):
        swapped = {"same": "valid", "valid": "same", "SAME": "VALID", "VALID": "SAME"}
        yield "padding", ast.Constant(swapped[str(node.value)])
    if isinstance(node, ast.List | ast.Tuple):
        order = [_number(part) for part in node.elts]
        if 2 <= len(order) <= 4 and sorted(order, key=str) == list(range(len(order))):
            for other in itertools.permutations(range(len(order))):
                yield "axis order", type(node)([ast.Constant(axis) for axis in other], ast.Load())


def _of_calls(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func)
    if name.rpartition(".")[2].startswith("gelu"):
        for approximate in (True, False):
            keywords = [keyword for keyword in node.keywords if keyword.arg != "approximate"]
            added = ast.keyword("approximate", ast.Constant(approximate))
            yield "GELU variant", ast.Call(node.func, node.args[:1], [*keywords, added])
    for other in ("gelu", "relu", "silu", "tanh", "sigmoid"):
        if name.rpartition(".")[2] in ("gelu", "relu", "silu", "swish", "tanh", "sigmoid"):
            yield "activation", ast.Call(ast.parse(f"tf.nn.{other}", mode="eval").body, node.args[:1], [])
    for i, j in itertools.combinations(range(len(node.args)), 2):
        swapped = list(node.args)
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield "argument order", ast.Call(node.func, swapped, node.keywords)
    for i, j in itertools.combinations(range(len(node.keywords)), 2):
        values = [keyword.value for keyword in node.keywords]
        values[i], values[j] = values[j], values[i]
        keywords = [ast.keyword(k.arg, value) for k, value in zip(node.keywords, values, strict=True)]
        yield "argument order", ast.Call(node.func, node.args, keywords)
    for flag in ("transpose_a", "transpose_b"):
        if name.endswith("matmul") and flag not in [keyword.arg for keyword in node.keywords]:
            added = ast.keyword(flag, ast.Constant(True))
            yield "transposed operand", ast.Call(node.func, node.args, [*node.keywords, added])
    for argument in node.args:
        yield "extra operation", argument


def _of_operators(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.MatMult | ast.Mod):
            yield "argument order", ast.BinOp(node.right, node.op, node.left)
        others: dict[type[ast.operator], tuple[str, ast.operator]] = {
            ast.FloorDiv: ("integer division", ast.Div()),
            ast.Div: ("integer division", ast.FloorDiv()),
            ast.Mult: ("scaling", ast.Div()),
            ast.Add: ("sign", ast.Sub()),
            ast.Sub: ("sign", ast.Add()),
        }
        if type(node.op) in others:
            cause, operator = others[type(node.op)]
            yield cause, ast.BinOp(node.left, operator, node.right)
        if isinstance(node.op, ast.Div):
            yield "scaling", ast.BinOp(node.left, ast.Mult(), node.right)
        yield "extra operation", node.left
        yield "extra operation", node.right
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        swaps: dict[type[ast.cmpop], ast.cmpop] = {
            ast.Lt: ast.LtE(),
            ast.LtE: ast.Lt(),
            ast.Gt: ast.GtE(),
            ast.GtE: ast.Gt(),
        }
        swaps |= {ast.Eq: ast.NotEq(), ast.NotEq: ast.Eq()}
        if type(node.ops[0]) in swaps:
            yield "comparison", ast.Compare(node.left, [swaps[type(node.ops[0])]], node.comparators)


def _of_slices(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if not isinstance(node, ast.Slice):
        return
    for lower in _bounds(node.lower):
        yield "axis or bound", ast.Slice(lower, node.upper, node.step)
    for upper in _bounds(node.upper):
        yield "axis or bound", ast.Slice(node.lower, upper, node.step)


def _bounds(bound: ast.expr | None) -> Iterator[ast.expr | None]:
    if bound is None:
        yield from (ast.Constant(1), ast.Constant(-1))
        return
    yield None
    for operator in (ast.Add(), ast.Sub()):
        yield ast.BinOp(bound, operator, ast.Constant(1))


def _is_left_out(node: ast.AST) -> TypeGuard[ast.keyword]:
    """`name=None` in a call."""
    return isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and node.value.value is None


def _left_out(node: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, ast.AST, ast.expr]]:
    if _is_left_out(node) and node.arg in names:
        yield "forgotten argument", node.value, ast.Name(str(node.arg), ast.Load())


def _forgotten(node: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, ast.AST, ast.expr]]:
    if _is_left_out(node):
        for name in names:
            yield "forgotten argument", node.value, ast.Name(name, ast.Load())
    if not isinstance(node, ast.Call):
        return
    present = [keyword.arg for keyword in node.keywords] + [ast.unparse(argument) for argument in node.args]
    for name in names:
        if name not in present:
            added = ast.keyword(name, ast.Name(name, ast.Load()))
            yield "forgotten argument", node, ast.Call(node.func, node.args, [*node.keywords, added])


def _other_names(node: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, ast.AST, ast.expr]]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        for other in names:
            if other != node.id:
                yield "wrong variable", node, ast.Name(other, ast.Load())


def _other_numbers(node: ast.AST, numbers: Sequence[str]) -> Iterator[tuple[str, ast.AST, ast.expr]]:
    if isinstance(node, ast.Attribute) and node.attr in numbers and isinstance(node.value, ast.Name):
        for other in numbers:
            if other != node.attr:
                yield "wrong size or scale", node, ast.Attribute(node.value, other, ast.Load())


def _added_terms(node: ast.AST, names: Sequence[str]) -> Iterator[tuple[str, ast.AST, ast.expr]]:
    """A forgotten residual: one more term in the value or in one argument of the call."""
    if isinstance(node, ast.Call | ast.BinOp) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        for name in names:
            if ast.unparse(node) != name:  # twice the same is not a residual
                yield "residual connection", node, ast.BinOp(node, ast.Add(), ast.Name(name, ast.Load()))


def _number(node: ast.AST) -> int | float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None
