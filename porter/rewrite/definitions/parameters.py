"""`nn.Parameter` in a constructor: a weight of its own, created in `build` where its shape can be read there."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rulebook.call import code_of

_INITIALIZERS = {
    "tf.zeros": "zeros",
    "tf.ones": "ones",
    "tf.random.normal": "random_normal",
    "tf.random.uniform": "random_uniform",
    "tf.eye": "identity",
}


def move_weights(context: Context, owner: str, constructor: cst.FunctionDef) -> tuple[cst.FunctionDef, list[str]]:
    """Take the weights that `build` can create out of `__init__`; return it and the lines for `build`."""
    kept: list[cst.BaseStatement] = []
    lines: list[str] = []
    for statement in constructor.body.body:
        line = _weight_line(context, owner, statement)
        if line is None:
            kept.append(statement)  # type: ignore[arg-type]  # a block's statements
        else:
            moved = cst.ensure_type(statement, cst.SimpleStatementLine)
            lines += [above.comment.value for above in moved.leading_lines if above.comment is not None]
            behind = moved.trailing_whitespace.comment
            lines.append(line if behind is None else f"{line}  {behind.value}")
    return constructor.with_changes(body=constructor.body.with_changes(body=kept)), lines


def _weight_line(context: Context, owner: str, statement: cst.CSTNode) -> str | None:
    pattern = m.SimpleStatementLine(
        body=[
            m.Assign(
                targets=[m.AssignTarget(m.Attribute(value=m.Name("self")))], value=m.Call(func=m.Name("add_parameter"))
            )
        ]
    )
    if not m.matches(statement, pattern):
        return None
    assert isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Assign)
    call = statement.body[0].value
    assert isinstance(call, cst.Call)
    found = _shape_and_initializer(call.args[2].value)
    if found is None or len(call.args) > 3:
        return None
    shape, initializer = found
    rescoped = context.rescoper(owner).rescope(shape)
    scaled = context.rescoper(owner).rescope(initializer) if rescoped is not None else None
    if rescoped is None or scaled is None:
        return None
    name, target = code_of(call.args[1].value), code_of(statement.body[0].targets[0].target)
    return f"{target} = self.add_weight(shape={rescoped}, initializer={scaled}, name={name})"


def _shape_and_initializer(value: cst.BaseExpression) -> tuple[str, str] | None:
    """`tf.ones(shape)`, `tf.fill(shape, v)` and `scale * tf.ones(shape)` say both."""
    if isinstance(value, cst.Call) and value.args:
        function, shape = code_of(value.func), _shape(value.args[0].value)
        if function in _INITIALIZERS and function != "tf.eye":
            return shape, f'"{_INITIALIZERS[function]}"'
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
