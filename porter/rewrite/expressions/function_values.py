"""Functions of torch that are values: given as defaults, chosen by a condition, kept in tables."""

from __future__ import annotations

import libcst as cst

from porter.rewrite.context import Context
from porter.rulebook import Call, CannotBind, Rule, Unknown, bind
from porter.rulebook.call import code_of
from porter.rulebook.template import translate


def function_value(context: Context, node: cst.BaseExpression, name: str, found: Rule) -> cst.BaseExpression | None:
    """What stands for a function with a rule where it is not called: a function of TensorFlow, or a `lambda`.

    The `lambda` gives what the rule makes of a call with the function's needed arguments. None where the rule needs
    to know more of them, and for a tensor of the module, whose class has a rule.
    """
    value = context.source.resolve(node)
    if value is not None and not callable(value):
        return None
    signature = next(each for each in found.signatures if each.name == name)
    taken = [each.name for each in signature.parameters if each.default is None and not each.variadic]
    needed = ["x" if each == "input" else each for each in taken]
    try:
        arguments = [context.arg(cst.Name(each), cst.Name(each)) for each in needed]
        code = translate(found, Call(signature, bind(signature, arguments, {}), None))
    except (Unknown, CannotBind):
        return None
    called = ", ".join(needed)
    if isinstance(code, cst.Call) and code_of(code) == f"{code_of(code.func)}({called})":
        return cst.parse_expression(context.runtime_name(code_of(code.func)))
    return cst.parse_expression(f"lambda {called}: {code_of(code)}")
