"""Mixtures of experts: transformers replaces the written forward of such classes, and so does the port."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of

DECORATOR = "use_experts_implementation"
_OPTIONS = ("is_transposed", "has_bias", "has_gate", "has_post_expert_norm")


def experts_body(context: Context, function: LocalFunction, updated: cst.FunctionDef) -> cst.BaseSuite | None:
    """`return experts_forward(self, ...)` for the forward of a decorated class; None for any other function.

    The written loop runs over the experts that some token has chosen, which no graph can.
    """
    local = context.source.classes.get(function.class_name or "")
    if local is None or function.own_name != "forward":
        return None
    options = next((found for d in local.node.decorators if (found := _options(d)) is not None), None)
    if options is None:
        return None
    context.forget(function.node)
    arguments = ", ".join([*(parameter.name.value for parameter in updated.params.params), *options])
    return cst.IndentedBlock([cst.parse_statement(f"return experts_forward({arguments})")])


def _options(decorator: cst.Decorator) -> list[str] | None:
    """The decorator's options as written; None for another decorator."""
    expression = decorator.decorator
    name = expression.func if isinstance(expression, cst.Call) else expression
    if code_of(name).rpartition(".")[2] != DECORATOR:
        return None
    arguments = expression.args if isinstance(expression, cst.Call) else ()
    return [f"{a.keyword.value}={code_of(a.value)}" for a in arguments if a.keyword and a.keyword.value in _OPTIONS]
