"""Comparisons of sizes that a graph may not know, and what they count as there, found before anything is written.

`surely(x)` is false, `possibly(x)` is true where the graph does not know x; a "branch" holds both sides.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Knowledge
from porter.rewrite.reading.liveness import names_set
from porter.rewrite.reading.sizes_read import reads_size
from porter.rulebook.call import code_of
from porter.rulebook.results import Remark

Asks = Literal["surely", "possibly", "branch"]


@dataclass(frozen=True)
class Check:
    """How a comparison is asked, and what the reader is told of it."""

    asks: Asks
    remark: Remark | None = None


Checks = Mapping[cst.CSTNode, Check]


def find_checks(knowledge: Knowledge, dissolved: Container[cst.CSTNode] = ()) -> Checks:
    """The comparisons of sizes that the file asks for their truth, those of the branches aside that are `dissolved`.

    Branches, conditions and assertions ask, and so do `and` and `or`; where a test of sizes only raises or prepares,
    its own way of asking counts.
    """
    found: dict[cst.CSTNode, Check] = {}
    for joined in knowledge.source.find(knowledge.source.tree, cst.BooleanOperation):
        if not any(ancestor in dissolved for ancestor in knowledge.source.ancestors(joined)):
            found.update(_generally(knowledge, joined))
    for node in knowledge.source.find(knowledge.source.tree, cst.If, cst.IfExp, cst.CompIf, cst.Assert):
        if node not in dissolved:
            found.update(_checks(knowledge, node))
    return found


def _checks(knowledge: Knowledge, node: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, Check]]:
    if isinstance(node, cst.Assert):
        yield from _asked(knowledge, node.test, "possibly")
    elif isinstance(node, cst.If) and _only_checks(node):
        yield from _asked(knowledge, node.test, "surely")
    elif isinstance(node, cst.If) and _replaces_none(knowledge, node):
        yield from _generally(knowledge, node.test)
        yield from (
            (value, replace(check, remark=_taken(value, check)))
            for value, check in _asked(knowledge, node.test, "possibly")
            if isinstance(value, cst.BaseExpression) and is_tensor(knowledge, value)
        )
    elif isinstance(node, (cst.If, cst.IfExp, cst.CompIf)):
        yield from ((remainder, Check("branch")) for remainder in _remainders(knowledge, node.test))
        for asked in (node.test, *_answers_kept(knowledge, node.test)):
            yield from _generally(knowledge, asked)


def _generally(knowledge: Knowledge, test: cst.CSTNode) -> Iterator[tuple[cst.CSTNode, Check]]:
    """The comparisons of a test; beside one that a graph decides, whose answer Python may not have needed, all do."""
    general = {c: _general_case(knowledge, c) for c in knowledge.source.find(test, cst.Comparison)}
    runs = {c: _as_in_every_run(knowledge, c) for c, check in general.items() if check is None}
    decides = any(check is not None and check.asks == "branch" for check in runs.values())
    for comparison, check in (general | runs).items():
        if check is not None:
            yield comparison, Check("branch") if decides and comparison in runs else check


def _answers_kept(knowledge: Knowledge, test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What variables of a test were set to that nothing but tests reads: `many = x.shape[0] > 1`, then `if many:`."""
    function = knowledge.source.enclosing(test)
    if function is None:
        return
    for name in {node.value: node for node in knowledge.source.find(test, cst.Name)}.values():
        values = knowledge.assigned_values(function, name.value)
        reads = [node for node in knowledge.source.find(function.node, cst.Name) if node.value == name.value]
        if len(values) == 1 and all(_is_tested(knowledge, node) for node in reads):
            yield from (value for value in values if m.matches(value, _ANSWER))


_ANSWER = m.Comparison() | m.UnaryOperation(operator=m.Not())


def _is_tested(knowledge: Knowledge, node: cst.CSTNode) -> bool:
    """Whether a variable's name stands where it is set, or where just its truth is asked."""
    parent = knowledge.source.parents[node]
    while m.matches(parent, m.BooleanOperation() | m.UnaryOperation(operator=m.Not())):
        node, parent = parent, knowledge.source.parents[parent]
    return isinstance(parent, cst.AssignTarget) or getattr(parent, "test", None) is node


def _asked(knowledge: Knowledge, test: cst.BaseExpression, asks: Asks) -> Iterator[tuple[cst.CSTNode, Check]]:
    """A check asks in such a way that an unknown size or value passes it; `not` turns the question round."""
    values = [value for value in truths(test) if is_tensor(knowledge, value) or reads_value(knowledge, value)]
    sizes = [c for c in knowledge.source.find(test, cst.Comparison) if _compares_sizes(knowledge, c)]
    for node in (*values, *(size for size in sizes if not any(_within(knowledge, size, value) for value in values))):
        yield node, Check(_other(asks) if _is_denied(knowledge, node, test) else asks)


def truths(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What `and`, `or` and `not` join into a test."""
    if m.matches(test, m.UnaryOperation(operator=m.Not())):
        yield from truths(cst.ensure_type(test, cst.UnaryOperation).expression)
    elif isinstance(test, cst.BooleanOperation):
        yield from truths(test.left)
        yield from truths(test.right)
    else:
        yield test


def is_tensor(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    """Whether every run has asked a tensor for its truth here."""
    fact = knowledge.traced(node)
    return fact is not None and fact.is_tensor and "none" not in fact.kinds


def reads_value(knowledge: Knowledge, test: cst.BaseExpression) -> bool:
    """Whether a test asks for a number that a tensor holds: `x.sum().item() > 0`, `int(x.sum()) == 0`."""
    function = knowledge.source.enclosing(test)
    if function is None or knowledge.source.in_constructor(test):
        return False
    names = {name.value for name in knowledge.source.find(test, cst.Name)}
    kept = [value for name in names for value in knowledge.assigned_values(function, name)]
    counted = (value for value in kept if isinstance(value, cst.BinaryOperation))
    calls = (call for node in (test, *counted) for call in knowledge.source.find(node, cst.Call))
    return any(_is_number_of_tensor(knowledge, node) for node in (*calls, *kept))


_NUMBERS = frozenset({"builtins.bool", "builtins.int", "builtins.float"})


def _is_number_of_tensor(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    if not isinstance(node, cst.Call):
        return False
    if isinstance(node.func, cst.Attribute) and node.func.attr.value == "item":
        return is_tensor(knowledge, node.func.value)
    is_number = knowledge.source.canonical(node.func) in _NUMBERS and len(node.args) == 1
    return is_number and is_tensor(knowledge, node.args[0].value)


def _within(knowledge: Knowledge, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
    return node is outer or any(ancestor is outer for ancestor in knowledge.source.ancestors(node))


def _other(asks: Asks) -> Asks:
    return "possibly" if asks == "surely" else "surely"


def _is_denied(knowledge: Knowledge, comparison: cst.CSTNode, test: cst.BaseExpression) -> bool:
    """Whether an odd number of `not` stands between a test and a comparison in it."""
    denials = 0
    node = comparison
    while node is not test:
        node = knowledge.source.parents[node]
        denials += isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not)
    return denials % 2 == 1


def _only_checks(node: cst.If) -> bool:
    """Whether a branch only raises, or only prepares the layer; in a graph that does not know, neither is done."""
    raises = m.matches(node.body.body[-1], m.SimpleStatementLine(body=[m.Raise()]))
    return node.orelse is None and (raises or all(map(_prepares, node.body.body)))


def _prepares(statement: cst.CSTNode) -> bool:
    """Whether a statement only changes the layer: `self.table = ...`, `self.grow(...)`, no value of the call's."""
    own = m.Attribute(value=m.Name("self"))
    assigns = m.Assign(targets=[m.AtLeastN(m.AssignTarget(target=own), n=1)])
    return m.matches(statement, m.SimpleStatementLine(body=[m.Expr(value=m.Call(func=own)) | assigns]))


def _replaces_none(knowledge: Knowledge, node: cst.If) -> bool:
    """Whether a branch on a value sets what is None without it: a graph holds no tensor that may be None."""
    if node.orelse is not None or not any(is_tensor(knowledge, truth) for truth in truths(node.test)):
        return False
    names = set(names_set(knowledge.source, node.body))
    function = knowledge.source.enclosing(node)
    around = (each.test for each in knowledge.source.ancestors(node) if isinstance(each, cst.If))
    missing = {name for name in names for test in around if m.matches(test, _is_none(name))}
    if function is not None:
        none = m.Name("None")
        missing |= {n for n in names if any(m.matches(v, none) for v in knowledge.assigned_values(function, n))}
    return bool(missing)


def _is_none(name: str) -> m.Comparison:
    target = m.ComparisonTarget(operator=m.Is(), comparator=m.Name("None"))
    return m.Comparison(left=m.Name(name), comparisons=[target])


def _taken(value: cst.BaseExpression, check: Check) -> Remark:
    meaning = "is taken for granted" if check.asks == "possibly" else "is taken for granted not to hold"
    return Remark(f"in a graph, `{code_of(value)}` {meaning}: what the branch sets cannot be None by a value there.")


_MANY = ((cst.GreaterThan, "01"), (cst.GreaterThanEqual, "12"), (cst.NotEqual, "01"))
_FEW = ((cst.Equal, "01"), (cst.LessThanEqual, "01"), (cst.LessThan, "12"))


def _general_case(knowledge: Knowledge, node: cst.Comparison) -> Check | None:
    """Whether an unknown size is zero, one, or no multiple: the code for many serves one as well."""
    if len(node.comparisons) != 1 or not _compares_sizes(knowledge, node):
        return None
    fact = knowledge.fact(node.left)
    is_size = fact.only("int") if fact is not None else reads_size(knowledge.source, node.left)
    if not is_size or _counts(knowledge, node.left):
        return None
    target = node.comparisons[0]
    bound = code_of(target.comparator)
    if m.matches(node.left, m.BinaryOperation(operator=m.Modulo())) and bound != "0":
        return _odd(node)
    asked: tuple[tuple[tuple[tuple[type[cst.BaseCompOp], str], ...], Asks, str], ...] = (
        (_MANY, "possibly", "is taken for granted"),
        (_FEW, "surely", "is taken for granted not to hold"),
    )
    for cases, asks, meaning in asked:
        if any(isinstance(target.operator, operator) and bound in bounds for operator, bounds in cases):
            return Check(asks, _said(node, meaning))
    return None


def _odd(node: cst.Comparison) -> Check | None:
    """`height % 2 == 1` asks whether the size is not a multiple, as `!= 0` does; other rests do not tell."""
    halves = m.matches(node.left, m.BinaryOperation(right=m.Integer("2")))
    target = node.comparisons[0]
    if not halves or code_of(target.comparator) != "1":
        return None
    if isinstance(target.operator, (cst.Equal, cst.GreaterThanEqual)):
        return Check("possibly", _said(node, "is taken for granted"))
    if isinstance(target.operator, (cst.NotEqual, cst.LessThan)):
        return Check("surely", _said(node, "is taken for granted not to hold"))
    return None


def _as_in_every_run(knowledge: Knowledge, node: cst.Comparison) -> Check | None:
    """A size compared, which every run has answered alike: a graph that does not know it takes that answer."""
    fact = knowledge.traced(node)
    if fact is None or not fact.only("bool") or len(node.comparisons) != 1 or not _compares_sizes(knowledge, node):
        return None
    operands = (node.left, node.comparisons[0].comparator)
    if not all(_is_number(knowledge, operand) for operand in operands):
        return None
    if any(_counts(knowledge, operand) for operand in operands):
        return None
    if not fact.has_value:
        return Check("branch") if _decides(knowledge, node) else Check("surely", _undecided(node))
    meaning = "is taken for granted" if fact.value else "is taken for granted not to hold"
    return Check("possibly" if fact.value else "surely", _said(node, f"{meaning}, as in every run"))


def _decides(knowledge: Knowledge, node: cst.CSTNode) -> bool:
    """Whether a comparison decides a branch of a method or a function, and so a graph can hold both sides.

    In a loop it does not: AutoGraph loses variables that a branch there sets and the loop's body sets again.
    """
    test = node
    while m.matches(parent := knowledge.source.parents[test], m.BooleanOperation() | m.UnaryOperation()):
        test = parent
    is_test = isinstance(parent, (cst.If, cst.IfExp)) and parent.test is test
    in_loop = any(isinstance(outer, (cst.For, cst.While)) for outer in knowledge.source.ancestors(test))
    return is_test and not in_loop and knowledge.source.enclosing(node) is not None


def _undecided(node: cst.Comparison) -> Remark:
    message = f"`{code_of(node)}` was true in some runs and false in others: a graph that does not know cannot run it."
    return Remark(message, "left", "give the sizes in the input signature")


def _remainders(knowledge: Knowledge, test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What is left of a size after division, asked for its truth: neither answer is the general one."""
    for node in truths(test):
        is_remainder = m.matches(node, m.BinaryOperation(operator=m.Modulo())) and reads_size(knowledge.source, node)
        if is_remainder and _decides(knowledge, node):
            yield node


def _is_number(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    fact = knowledge.fact(node)
    is_literal = isinstance(node, (cst.Integer, cst.Float))
    return is_literal or (fact is not None and fact.only("int", "float"))


def _said(node: cst.Comparison, meaning: str) -> Remark:
    return Remark(f"in a graph that does not know the size, `{code_of(node)}` {meaning}.")


def _counts(knowledge: Knowledge, node: cst.BaseExpression) -> bool:
    """Whether a variable counts the turns of a loop."""
    function = knowledge.source.enclosing(node)
    loops = knowledge.source.find(function.node, cst.For, cst.CompFor) if function is not None else ()
    counting = (loop for loop in loops if isinstance(loop, (cst.For, cst.CompFor)))
    targets = (loop.target for loop in counting if not _goes_through_numbers(knowledge, loop))
    return any(name.value == code_of(node) for target in targets for name in knowledge.source.find(target, cst.Name))


def _goes_through_numbers(knowledge: Knowledge, loop: cst.For | cst.CompFor) -> bool:
    """Whether a loop goes through numbers that were computed from tensors: `for count in counts.cpu().numpy()`."""
    parts = [loop.iter, *(argument.value for argument in getattr(loop.iter, "args", ()))]
    facts = (knowledge.traced(part) for part in parts if isinstance(part, cst.Name))
    return any(fact is not None and fact.names == {"numpy.ndarray"} for fact in facts)


def _compares_sizes(knowledge: Knowledge, node: cst.Comparison) -> bool:
    """Whether an operand is a size of a tensor, or a number that differed between runs other than by its layer."""
    if knowledge.source.in_constructor(node) or reads_value(knowledge, node):
        return False
    operands = [node.left, *(target.comparator for target in node.comparisons)]
    if any(isinstance(target.operator, (cst.Is, cst.IsNot, cst.In, cst.NotIn)) for target in node.comparisons):
        return False
    if any(reads_size(knowledge.source, operand) for operand in operands):
        return True
    facts = [(operand, knowledge.fact(operand)) for operand in operands]
    unsure = [o for o, fact in facts if fact is not None and fact.kinds & {"int", "tensor"} and not fact.has_value]
    return any(not knowledge.fixed.has(operand) for operand in unsure)
