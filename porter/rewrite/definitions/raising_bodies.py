"""Methods that do what TensorFlow does not: they cut layers, or call kernels of PyTorch. Their ports raise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalFunction

_CUTS = "Layers cannot be cut: Keras' variables keep their shapes."
_FLASH = "Flash attention is a kernel of PyTorch's alone; ports attend eagerly."
_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "transformers.pytorch_utils.find_pruneable_heads_and_indices": _CUTS,
        "transformers.pytorch_utils.prune_conv1d_layer": _CUTS,
        "transformers.pytorch_utils.prune_layer": _CUTS,
        "transformers.pytorch_utils.prune_linear_layer": _CUTS,
        "transformers.modeling_flash_attention_utils._flash_attention_forward": _FLASH,
    }
)


def raising_body(context: Context, function: LocalFunction) -> cst.IndentedBlock | None:
    """`raise NotImplementedError(...)`, as transformers' own TensorFlow classes have it where heads are pruned.

    None for all other functions, and for those that were run.
    """
    entered = context.source.span(function.node) in context.knowledge.facts.entered
    reason = None if entered or function.class_name is None else _reason(context, function)
    if reason is None:
        return None
    context.forget(function.node)
    context.note(function.node, "assumed", f"{function.name} raises NotImplementedError. {reason}")
    docstring = [line for line in function.node.body.body[:1] if m.matches(line, _DOCSTRING)]
    raising = cst.parse_statement(f"raise NotImplementedError({reason!r})")
    return cst.IndentedBlock([*(cst.ensure_type(line, cst.SimpleStatementLine) for line in docstring), raising])


_DOCSTRING = m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])


def _reason(context: Context, function: LocalFunction) -> str | None:
    """Why it raises: what it calls in any case, or what methods of the file do that it calls."""
    own = _own_reason(context, function)
    if own is not None:
        return own
    called = set(_methods_called(context, function)) - {"forward"}
    others = (each for each in context.source.functions.values() if each.class_name and each.own_name in called)
    return next((reason for each in others if (reason := _own_reason(context, each)) is not None), None)


def _own_reason(context: Context, function: LocalFunction) -> str | None:
    calls = context.source.find(function.node, cst.Call)
    found = {_REASONS.get(context.source.canonical(call.func) or "") for call in calls if _is_sure(context, call)}
    return next(iter(sorted(filter(None, found))), None)


def _is_sure(context: Context, node: cst.CSTNode) -> bool:
    """Whether a call of a function stands under no condition."""
    above = context.source.parents.get(node)
    while above is not None and not isinstance(above, cst.FunctionDef):
        if isinstance(above, cst.If | cst.IfExp | cst.Try | cst.While | cst.BooleanOperation):
            return False
        above = context.source.parents.get(above)
    return True


def _methods_called(context: Context, function: LocalFunction) -> Iterator[str]:
    for call in context.source.find(function.node, cst.Call):
        if isinstance(call.func, cst.Attribute):
            yield call.func.attr.value
