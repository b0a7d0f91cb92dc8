"""Calls of layers on one example that has no axis of a batch: PyTorch's layers take it, Keras' do not."""

from __future__ import annotations

from collections.abc import Set

import libcst as cst

from porter.facts import Fact
from porter.rewrite.context import Context
from porter.rulebook.call import code_of, is_atom

_BATCH_RANKS = {"torch.nn.Linear": 2} | {
    f"torch.nn.{kind}{axes}d": axes + 2 for kind in ("Conv", "ConvTranspose") for axes in (1, 2, 3)
}
"""Layer -> the axes of its input, with that of the batch, of which a dense layer may have several."""


def with_batch(context: Context, original: cst.Call, updated: cst.Call, names: Set[str]) -> cst.BaseExpression:
    """The call with an axis in front that its result does not have; where runs differed, the runtime asks.

    Args:
        context: the file's.
        original: the call as PyTorch has it.
        updated: the call as it is written so far.
        names: the classes of the layers that were called.
    """
    ranks = {_BATCH_RANKS.get(name) for name in names}
    if len(ranks) != 1 or None in ranks or len(updated.args) != 1 or updated.args[0].star or len(original.args) != 1:
        return updated
    rank = ranks.pop() or 0
    seen, given, layer = context.knowledge.traced(original.args[0].value), updated.args[0].value, code_of(updated.func)
    if _has_rank(seen, rank - 1):
        code = code_of(given) if is_atom(given) else f"({code_of(given)})"
        return cst.parse_expression(f"{layer}({code}[tf.newaxis])[0]")
    if _has_rank(seen, None) and _callers_have_one(context, original, rank - 1):
        return cst.parse_expression(f"one_or_batch({layer}, {code_of(given)}, {rank})")
    return updated


def _has_rank(fact: Fact | None, rank: int | None) -> bool:
    return fact is not None and fact.is_tensor and fact.rank == rank


def _callers_have_one(context: Context, call: cst.Call, rank: int) -> bool:
    """Whether the function around the call was itself called with a tensor of this rank."""
    function = context.source.enclosing(call)
    calls = context.source.calls.get(function.own_name, ()) if function is not None else ()
    return any(_has_rank(context.knowledge.traced(argument.value), rank) for each in calls for argument in each.args)
