"""`nn.Parameter` in a constructor: a weight of its own, created in `build` where its shape can be read there."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.reading.scope import Rescoped
from porter.rulebook.call import code_of

_INITIALIZERS = {
    "tf.zeros": "zeros",
    "tf.ones": "ones",
    "tf.eye": "identity",
}
_DRAWN = {
    "tf.random.normal": "keras.initializers.RandomNormal(stddev=1.0)",
    "tf.random.uniform": "keras.initializers.RandomUniform(0.0, 1.0)",
}


@dataclass(frozen=True)
class Weights:
    """The lines that create a class's own weights in `build`, and the parameters that `self` must keep for them."""

    lines: tuple[str, ...] = ()
    stored: tuple[str, ...] = ()


def move_weights(context: Context, owner: str, constructor: cst.FunctionDef) -> tuple[cst.FunctionDef, Weights]:
    """Take the weights that `build` can create out of `__init__`; return it and what `build` does."""
    kept: list[cst.BaseStatement] = []
    lines: list[str] = []
    stored: list[str] = []
    for statement in constructor.body.body:
        found = _weight_line(context, owner, statement)
        if found is None or _is_read(context, owner, constructor, statement):
            kept.append(statement)  # type: ignore[arg-type]  # a block's statements
        else:
            moved = cst.ensure_type(statement, cst.SimpleStatementLine)
            lines += [above.comment.value for above in moved.leading_lines if above.comment is not None]
            behind = moved.trailing_whitespace.comment
            lines.append(found.code if behind is None else f"{found.code}  {behind.value}")
            stored += found.stored
    emptied = constructor.with_changes(body=constructor.body.with_changes(body=kept))
    return emptied, Weights(tuple(lines), tuple(stored))


def _is_read(context: Context, owner: str, constructor: cst.FunctionDef, statement: cst.CSTNode) -> bool:
    """Whether the constructor, or a method that it calls, goes on to use the weight that a statement creates."""
    target = cst.ensure_type(m.findall(statement, m.Assign())[0], cst.Assign).targets[0].target
    used = m.Attribute(value=m.Name("self"), attr=m.Name(cst.ensure_type(target, cst.Attribute).attr.value))
    functions = (cst.ensure_type(call, cst.Call).func for call in m.findall(constructor, _OWN_CALL))
    names = {cst.ensure_type(function, cst.Attribute).attr.value for function in functions}
    methods = (context.source.method(owner, name) for name in names)
    others = [*constructor.body.body, *(method.node for method in methods if method is not None)]
    return any(m.findall(each, used) for each in others if each is not statement)


_OWN_CALL = m.Call(func=m.Attribute(value=m.Name("self")))


def _weight_line(context: Context, owner: str, statement: cst.CSTNode) -> Rescoped | None:
    """The line of `build` for a statement that creates a weight; None where it must stay in the constructor."""
    own = m.AssignTarget(m.Attribute(value=m.Name("self")))
    pattern = m.SimpleStatementLine(body=[m.Assign(targets=[own], value=m.Call(func=m.Name("add_parameter")))])
    if not m.matches(statement, pattern):
        return None
    assert isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Assign)
    call = cst.ensure_type(statement.body[0].value, cst.Call)
    found = _shape_and_initializer(call.args[2].value)
    if found is None or len(call.args) > 3:
        return None
    shape, initializer = (context.rescoper(owner).rescope(code) for code in found)
    if shape is None or initializer is None:
        return None
    name, target = code_of(call.args[1].value), code_of(statement.body[0].targets[0].target)
    line = f"{target} = self.add_weight(shape={shape.code}, initializer={initializer.code}, name={name})"
    return Rescoped(line, (*shape.stored, *initializer.stored))


def _shape_and_initializer(value: cst.BaseExpression) -> tuple[str, str] | None:
    """`tf.ones(shape)`, `tf.fill(shape, v)` and `scale * tf.ones(shape)` say both."""
    if isinstance(value, cst.Call) and value.args and "complex" not in code_of(value):
        function, shape = code_of(value.func), _shape(value.args[0].value)
        if function in _INITIALIZERS and function != "tf.eye":
            return shape, f'"{_INITIALIZERS[function]}"'
        if function in _DRAWN and len(value.args) == 1:
            return shape, _DRAWN[function]
        if function == "tf.fill" and len(value.args) == 2:
            return shape, f"keras.initializers.Constant({code_of(value.args[1].value)})"
    if isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Multiply):
        for ones, scale in ((value.right, value.left), (value.left, value.right)):
            found = _shape_and_initializer(ones)
            if found is not None and found[1] == '"ones"':
                return found[0], f"keras.initializers.Constant({code_of(scale)})"
    return None


def _shape(node: cst.BaseExpression) -> str:
    code = code_of(node)
    return code if isinstance(node, (cst.Tuple, cst.List)) else f"({code},)"
