"""`fill_weights()`: what a constructor of PyTorch's fills, for when the port's weights exist."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.source import LocalClass
from porter.rulebook.call import code_of

_OWN = m.Attribute(value=m.Name("self"))


def fill_method(context: Context, local: LocalClass) -> cst.FunctionDef | None:
    """The method of a class whose constructor calls functions that fill weights; None for every other class."""
    lines = [f"    {line}" for line in _lines(context, local)]
    if not lines:
        return None
    if any(list(_lines(context, context.source.classes[base])) for base in local.lineage[1:]):
        lines.insert(0, "    super().fill_weights()")
    documented = ["def fill_weights(self):", f'    """{_DOCSTRING}"""', *lines]
    method = cst.ensure_type(cst.parse_statement("\n".join(documented)), cst.FunctionDef)
    return method.with_changes(leading_lines=[cst.EmptyLine(indent=False)])


_DOCSTRING = "Give weights the values that the constructor gives them in PyTorch, where they exist by then."


def _lines(context: Context, local: LocalClass) -> Iterator[str]:
    """The calls in the open of a constructor, without arguments that only the constructor knows."""
    constructor = context.source.functions.get(f"{local.name}.__init__")
    for statement in constructor.node.body.body if constructor is not None else ():
        for call in m.findall(statement, m.Call()) if isinstance(statement, cst.SimpleStatementLine) else ():
            assert isinstance(call, cst.Call)
            if m.matches(call, m.Call(func=_OWN, args=[])) and _is_ported(context, local, call.func):
                yield code_of(call)
            elif m.matches(call, _APPLIES) and _is_ported(context, local, call.args[0].value):
                yield f"apply(self, {code_of(call.args[0].value)})"


_APPLIES = m.Call(func=m.Attribute(value=m.Name("self"), attr=m.Name("apply")), args=[m.Arg(value=_OWN)])


def _is_ported(context: Context, local: LocalClass, function: cst.BaseExpression) -> bool:
    """Whether it is a method that fills weights, and that the port has."""
    method = context.source.method(local.name, cst.ensure_type(function, cst.Attribute).attr.value)
    return method is not None and method.name in context.filling and not context.is_left_out(method.own_name)
