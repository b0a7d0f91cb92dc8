"""Calls of torch's functions bound to the signatures that rules declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import libcst as cst

from porter.rewrite.context import Context
from porter.rulebook import Call, CannotBind, Signature, bind
from porter.rulebook.call import Arg

IGNORED_KEYWORDS = frozenset(
    {"device", "layout", "pin_memory", "requires_grad", "memory_format", "non_blocking", "copy"}
)

_PYTHON_DTYPES = {"builtins.int": "tf.int64", "builtins.float": "tf.float64", "builtins.bool": "tf.bool"}

# torch takes numpy's spelling too
_NUMPY_KEYWORDS = {"axis": "dim", "keepdims": "keepdim"}


def bind_call(
    context: Context,
    signature: Signature,
    original: cst.Call,
    updated: cst.Call,
    options: cst.BaseExpression | None = None,
) -> Call:
    """The call as a rule sees it, its receiver bound to the first parameter of a method.

    `options` is the dictionary that stands in it behind `**`.
    """
    positional: list[Arg] = []
    keywords: dict[str, Arg] = {}
    is_statement = isinstance(context.source.parents.get(original), cst.Expr)  # `torch.add(x, y, out=z)` sets z
    if signature.is_method and isinstance(original.func, cst.Attribute) and isinstance(updated.func, cst.Attribute):
        positional.append(context.arg(original.func.value, updated.func.value))
    for before, after in zip(original.args, updated.args, strict=True):
        if before.star == "**":
            entries = _entries(context, options).items()
            keywords |= {name: given for name, given in entries if _is_of(signature, name)}
            continue
        argument = context.arg(before.value, after.value, starred=before.star == "*")
        if argument.starred and not any(p.variadic for p in signature.parameters):
            positional += argument.spread()
        elif before.keyword is not None:
            name = before.keyword.value
            name = name if signature.parameter(name) else _NUMPY_KEYWORDS.get(name, name)
            if _is_of(signature, name) and not (name == "out" and is_statement):
                keywords[name] = _dtype_of_python(context, argument) if name == "dtype" else argument
        else:
            positional.append(argument)
    bound = bind(signature, positional, keywords)
    return Call(signature, bound, context.knowledge.traced(original), lambda f, a: _invoke(context, original, f, a))


def _dtype_of_python(context: Context, argument: Arg) -> Arg:
    """`dtype=int` as the dtype that PyTorch takes it for; every other argument as it is."""
    dtype = _PYTHON_DTYPES.get(context.source.canonical(argument.original) or "")
    return argument if dtype is None else replace(argument, node=cst.parse_expression(dtype))


def _is_of(signature: Signature, name: str) -> bool:
    """Whether a keyword says something to TensorFlow, too."""
    return name not in IGNORED_KEYWORDS or signature.parameter(name) is not None


def options_of(context: Context, node: cst.BaseExpression) -> cst.BaseExpression:
    """What is in `**options`: the dictionary that the variable is set to if nothing else is done with it."""
    function = context.source.enclosing(node)
    if not isinstance(node, cst.Name) or function is None or node.value in function.parameters:
        return node
    reads = [n for n in context.source.find(function.node, cst.Name) if n.value == node.value]
    values = context.knowledge.assigned_values(function, node.value)
    return values[0] if len(values) == 1 and all(map(context.source.is_spread_or_set, reads)) else node


def _entries(context: Context, options: cst.BaseExpression | None) -> dict[str, Arg]:
    """The arguments in `{"dim": 1}`.

    Raises:
        CannotBind: the text does not tell what is in the dictionary.
    """
    found: dict[str, Arg] = {}
    for entry in options.elements if isinstance(options, cst.Dict) else [None]:
        if not isinstance(entry, cst.DictElement) or not isinstance(entry.key, cst.SimpleString):
            raise CannotBind("a dictionary of arguments stands here")
        found[str(entry.key.evaluated_value)] = context.arg(entry.value, context.port(entry.value))
    return found


def _invoke(context: Context, original: cst.Call, function: str, arguments: Sequence[str]) -> str:
    """A call of a method handed over as an argument, with `training` where it takes it."""
    owner = context.source.enclosing_class(original)
    method = context.source.method(owner, function.removeprefix("self.")) if owner else None
    extra = ["training=training"] if method is not None and context.trains(method) else []
    return f"{function}({', '.join([*arguments, *extra])})"
