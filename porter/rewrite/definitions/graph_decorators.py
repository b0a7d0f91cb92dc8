"""Decorators with which a graph holds what Python would do once: branches and loops on values, random arrays."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.reading.checks import is_tensor, reads_value, truths
from porter.rewrite.reading.source import LocalFunction
from porter.rewrite.reading.values_read import computed_in_python
from porter.rulebook.call import code_of

_RANDOM = frozenset(
    {"torch.rand", "numpy.random.random", "numpy.random.rand", "numpy.random.uniform", "random.random"}
    | {"random.uniform"}
)


def graph_decorators(context: Context, function: LocalFunction) -> Iterator[cst.Decorator]:
    """The innermost decorators of a ported function."""
    if has_graph_branch(context, function):
        yield cst.Decorator(cst.Name("graph_branches"))
    array = _numpy_result(context, function)
    if array is not None:
        yield cst.Decorator(cst.parse_expression(f'numpy_function("{array[0]}", rank={array[1]})'))
    computed = computed_in_python(context.knowledge, function)
    if computed:
        context.note(
            function.node,
            "assumed",
            f"{function.name} runs through the values of tensors: a graph calls it in Python, "
            "which neither XLA nor a SavedModel can hold.",
        )
        results = ", ".join(f'("{dtype}", {sizes})' for dtype, sizes in computed)
        yield cst.Decorator(cst.parse_expression(f"python_function({results})"))


def has_graph_branch(context: Context, function: LocalFunction) -> bool:
    """Whether a graph has to hold both sides of a branch: it depends on a value, a size or a random number."""
    branches = context.source.find(function.node, cst.If, cst.IfExp, cst.While)
    if any(asks_value(context, branch.test) for branch in branches):  # type: ignore[attr-defined]  # all have one
        return True
    checks = (
        context.checks.get(node) for node in context.source.find(function.node, cst.Comparison, cst.BinaryOperation)
    )
    return any(check.asks == "branch" for check in checks if check) or _has_random_branch(context, function)


def asks_value(context: Context, test: cst.BaseExpression) -> bool:
    """Whether a test asks a tensor's value, other than in a check that a graph passes."""
    asked = [truth for truth in truths(test) if truth not in context.checks]
    return any(is_tensor(context.knowledge, truth) or reads_value(context.knowledge, truth) for truth in asked)


def note_eager_branch(context: Context, test: cst.BaseExpression) -> None:
    """Say of a branch outside of every function that it asks a tensor's value, which no decorator can mend."""
    if context.source.enclosing(test) is None and asks_value(context, test):
        message = f"the branch on `{code_of(test)}` depends on a tensor's value and runs in eager mode only."
        context.note(test, "left", message, "write it with tf.cond or tf.where")


def _has_random_branch(context: Context, function: LocalFunction) -> bool:
    """Whether a branch of a layer's method depends on a single random number."""
    source = context.source
    if function.class_name is None or not any(_is_random(context, c) for c in source.find(function.node, cst.Call)):
        return False
    random: set[str] = set()

    def is_random(node: cst.CSTNode) -> bool:
        calls = source.find(node, cst.Call)
        return any(_is_random(context, call) for call in calls) or bool(random & _names(context, node))

    assignments = [node for node in source.find(function.node, cst.Assign) if len(node.targets) == 1]
    branches = source.find(function.node, cst.If, cst.IfExp)
    for _ in assignments:  # as often as values may be handed on
        random |= {name for a in assignments if is_random(a.value) for name in _names(context, a.targets[0].target)}
        tested = (branch for branch in branches if isinstance(branch, cst.If) and is_random(branch.test))
        flags = (a for branch in tested for a in source.find(branch.body, cst.Assign))
        random |= {name for a in flags if _is_flag(a) for name in _names(context, a.targets[0].target)}
    return any(is_random(branch.test) for branch in branches)  # type: ignore[attr-defined]  # both have one


def _is_flag(assignment: cst.Assign) -> bool:
    return isinstance(assignment.value, cst.Name) and assignment.value.value in ("True", "False")


def _is_random(context: Context, call: cst.Call) -> bool:
    """Whether a call draws one number."""
    callee = context.knowledge.callee(call)
    name = callee.name if callee is not None else None
    empty = (cst.List, cst.Tuple)
    shapes = [arg.value for arg in call.args if arg.keyword is None]
    drawn_once = all(isinstance(s, empty) and not s.elements for s in shapes) if name == "torch.rand" else True
    return name in _RANDOM and drawn_once and (name == "torch.rand") <= bool(shapes)


def _names(context: Context, node: cst.CSTNode) -> set[str]:
    return {name.value for name in context.source.find(node, cst.Name)}


def _numpy_result(context: Context, function: LocalFunction) -> tuple[str, int] | None:
    """Type and rank of the array that a function of the module draws with numpy and returns; None for all others."""
    source = context.source
    draws = any(
        (source.canonical(call.func) or "").startswith("numpy.random.")
        for call in source.find(function.node, cst.Call)
    )
    if function.class_name is not None or not draws:
        return None
    returned = [node.value for node in source.find(function.node, cst.Return) if node.value is not None]
    facts = [context.knowledge.traced(value) for value in returned]
    arrays = {(fact.dtype, fact.rank) for fact in facts if fact is not None and fact.names == {"numpy.ndarray"}}
    if len(arrays) != 1:
        return None
    dtype, rank = arrays.pop()
    return None if dtype is None or rank is None else (dtype, rank)
