"""Methods that cut rows and columns out of layers, as pruning of heads does: their ports raise."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalFunction

_CUTTING = frozenset(
    f"transformers.pytorch_utils.{name}"
    for name in ("find_pruneable_heads_and_indices", "prune_conv1d_layer", "prune_layer", "prune_linear_layer")
)
_REASON = "Layers cannot be cut: Keras' variables keep their shapes."


def cutting_body(context: Context, function: LocalFunction) -> cst.IndentedBlock | None:
    """`raise NotImplementedError(...)` for a method that cuts layers, as in transformers' own TensorFlow classes.

    None for any other function, and for one that was run.
    """
    entered = context.source.span(function.node) in context.knowledge.facts.entered
    if entered or function.class_name is None or not _cuts(context, function):
        return None
    context.forget(function.node)
    context.note(function.node, "assumed", f"{function.name} raises NotImplementedError. {_REASON}")
    docstring = [line for line in function.node.body.body[:1] if m.matches(line, _DOCSTRING)]
    raising = cst.parse_statement(f"raise NotImplementedError({_REASON!r})")
    return cst.IndentedBlock([*(cst.ensure_type(line, cst.SimpleStatementLine) for line in docstring), raising])


_DOCSTRING = m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])


def _cuts(context: Context, function: LocalFunction) -> bool:
    """Whether it calls one of transformers' functions for that, or a method that does."""
    if _calls_cutting(context, function):
        return True
    called = set(_methods_called(context, function))
    others = (each for each in context.source.functions.values() if each.class_name and each.own_name in called)
    return any(_calls_cutting(context, each) for each in others)


def _calls_cutting(context: Context, function: LocalFunction) -> bool:
    calls = context.source.find(function.node, cst.Call)
    return any(context.source.canonical(call.func) in _CUTTING for call in calls)


def _methods_called(context: Context, function: LocalFunction) -> Iterator[str]:
    for call in context.source.find(function.node, cst.Call):
        if isinstance(call.func, cst.Attribute):
            yield call.func.attr.value
