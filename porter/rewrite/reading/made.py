"""What a call makes: an object of a class, called by its name, by `_from_config`, or by what is given the class."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.reading.constructor import only_calls
from porter.rewrite.reading.knowledge import Callee, Knowledge
from porter.rewrite.reading.source import LocalFunction

_MAKERS = frozenset({"torch.nn.utils.init.skip_init"})


@dataclass(frozen=True, eq=False)
class Made:
    """An object of the class, or one of the classes, that `function` names, made with these arguments."""

    callee: Callee
    function: cst.BaseExpression
    arguments: tuple[cst.Arg, ...]


def made_by(knowledge: Knowledge, call: cst.Call) -> Made | None:
    """What the call makes; None for a call of what is not a class, and of whatever class was given."""
    if call in knowledge.given.calls:
        return None
    callee = knowledge.callee(call)
    given = _from_config(knowledge, call) or _class_given(knowledge, call, callee)
    if given is None and callee is not None and callee.kind == "class":
        return Made(callee, call.func, tuple(call.args))
    return given


def _from_config(knowledge: Knowledge, call: cst.Call) -> Made | None:
    """`Model._from_config(config)` of a model of the file is its constructor."""
    if not m.matches(call.func, m.Attribute(value=m.Name(), attr=m.Name("_from_config"))):
        return None
    owner = cst.ensure_type(call.func, cst.Attribute).value
    name = knowledge.source.canonical(owner) or ""
    known = name.removeprefix("local.") in knowledge.source.classes or name in knowledge.nested
    return Made(Callee(frozenset({name}), "class"), owner, tuple(call.args)) if known else None


def _class_given(knowledge: Knowledge, call: cst.Call, callee: Callee | None) -> Made | None:
    """`skip_init(nn.Linear, 4, 3)`: an object of the class out of the other arguments."""
    if not call.args or call.args[0].star or call.args[0].keyword is not None:
        return None
    if callee is None or callee.kind != "function" or not all(_makes(knowledge, name) for name in callee.names):
        return None
    given = call.args[0].value
    name = knowledge.source.canonical(given)
    if name is None or not isinstance(knowledge.source.resolve(given), type):
        return None
    return Made(Callee(frozenset({name}), "class"), given, tuple(call.args[1:]))


def _makes(knowledge: Knowledge, name: str) -> bool:
    """Whether a function only calls the class that it is given."""
    function = knowledge.source.functions.get(name.removeprefix("local."))
    return name in _MAKERS or (function is not None and _hands_on(function))


def _hands_on(function: LocalFunction) -> bool:
    """`def make(kind, *args, **kwargs): return kind(*args, **kwargs)`."""
    return len(function.parameters) == 1 and only_calls(function, f"return {function.parameters[0]}")
