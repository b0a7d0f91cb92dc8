"""Functions and layer classes of torch that a file chooses by their name: `getattr(nn, name)`."""

from __future__ import annotations

import inspect

import libcst as cst
import libcst.matchers as m

from porter.facts.canonical import canonical
from porter.rewrite.context import Context
from porter.rewrite.expressions.class_values import class_value
from porter.rewrite.expressions.function_values import function_value
from porter.rulebook import find_rule
from porter.rulebook.call import code_of

_BY_NAME = m.Call(func=m.Name("getattr"), args=[m.Arg(keyword=None, star=""), m.Arg(keyword=None, star="")])


def value_by_name(context: Context, original: cst.Call, updated: cst.Call) -> cst.BaseExpression | None:
    """What `getattr(nn, "GELU")` is; a table of what was seen, where the name is not written out. None elsewhere."""
    if not m.matches(original, _BY_NAME):
        return None
    owner = context.source.resolve(original.args[0].value)
    if not inspect.ismodule(owner) or owner.__name__.partition(".")[0] != "torch":
        return None
    name = original.args[1].value
    if isinstance(name, cst.SimpleString):
        found = getattr(owner, str(name.evaluated_value), None)
        return _value(context, original, canonical(found)) if callable(found) else None
    fact = context.knowledge.traced(original)
    if fact is None or not fact.only("class", "function") or not fact.names:
        return None
    values = {each.rpartition(".")[2]: _value(context, original, each) for each in sorted(fact.names)}
    if None in values.values():
        return None
    message = f"`{code_of(original)}` has the {', '.join(values)} of the runs; another name raises KeyError."
    context.note(original, "assumed", message)
    table = ", ".join(f'"{key}": {code_of(value)}' for key, value in values.items() if value is not None)
    return cst.parse_expression(f"{{{table}}}[{code_of(updated.args[1].value)}]")


def _value(context: Context, node: cst.Call, name: str | None) -> cst.BaseExpression | None:
    if name is None:
        return None
    rule = find_rule(name)
    return class_value(context, name) or (function_value(context, node, name, rule) if rule is not None else None)
