"""Calls that are given a class and make an object of it: `skip_init(nn.Linear, 4, 3)`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.knowledge import Callee, Knowledge
from porter.rewrite.reading.source import LocalFunction
from porter.rulebook.call import code_of

_MAKERS = frozenset({"torch.nn.utils.init.skip_init"})


def class_given(knowledge: Knowledge, call: cst.Call) -> Callee | None:
    """The class of which a call makes an object out of its other arguments; None for other calls."""
    if not call.args or call.args[0].star or call.args[0].keyword is not None:
        return None
    callee = knowledge.callee(call)
    if callee is None or callee.kind != "function" or not all(_makes(knowledge, name) for name in callee.names):
        return None
    name = knowledge.source.canonical(call.args[0].value)
    is_class = isinstance(knowledge.source.resolve(call.args[0].value), type)
    return Callee(frozenset({name}), "class") if name is not None and is_class else None


def _makes(knowledge: Knowledge, name: str) -> bool:
    """Whether a function only calls the class that it is given."""
    function = knowledge.source.functions.get(name.removeprefix("local."))
    return name in _MAKERS or (function is not None and _hands_on(function))


def _hands_on(function: LocalFunction) -> bool:
    """`def make(kind, *args, **kwargs): return kind(*args, **kwargs)`."""
    params, body = function.node.params, function.node.body.body
    if len(function.parameters) != 1 or not isinstance(params.star_arg, cst.Param) or params.star_kwarg is None:
        return False
    call = f"{function.parameters[0]}(*{params.star_arg.name.value}, **{params.star_kwarg.name.value})"
    documented = m.matches(body[0], m.SimpleStatementLine(body=[m.Expr(m.SimpleString())]))
    lines = [code_of(line).strip() for line in body[documented:]]
    return lines == [f"return {call}"]
