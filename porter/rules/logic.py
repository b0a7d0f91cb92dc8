"""Rules for comparisons, logic and choosing between values."""

from __future__ import annotations

import libcst as cst

from porter.facts.promotion import promoted_dtype
from porter.rulebook import Arg, Call, rule
from porter.rulebook.call import code_of
from porter.rules.casting import as_bool, cast, promoted, tensor_dtype

_COMPARISONS = {
    ("eq",): "tf.equal",
    ("ne", "not_equal"): "tf.not_equal",
    ("lt", "less"): "tf.less",
    ("le", "less_equal"): "tf.less_equal",
    ("gt", "greater"): "tf.greater",
    ("ge", "greater_equal"): "tf.greater_equal",
}


def _comparison(names: tuple[str, ...], function: str) -> None:
    first = names[0]

    @rule(
        *(f"torch.{name}(input, other)" for name in names),
        *(f"torch.Tensor.{name}(input, other)" for name in names),
        cases={
            f"torch.{first}(x, y)": f"{function}(x, y)",
            f"i.{first}(1)": f"{function}(i, 1)",
            f"x.{first}(i2)": f"{function}(x, tf.cast(i2, tf.float32))",
        },
    )
    def translate(call: Call) -> str:
        """Both sides in one dtype."""
        left, right = promoted(call, call.input, call.other)
        return f"{function}({left}, {right})"


for _names, _function in _COMPARISONS.items():
    _comparison(_names, _function)

for _name in ("isnan", "isinf", "isfinite"):
    _target = f"tf.math.is_{_name[2:]}"
    rule(
        f"torch.{_name}(input)",
        f"torch.Tensor.{_name}(input)",
        to=f"{_target}(input)",
        cases={f"torch.{_name}(x)": f"{_target}(x)"},
    )


def _logical(name: str) -> None:
    @rule(
        f"torch.logical_{name}(input, other)",
        f"torch.Tensor.logical_{name}(input, other)",
        cases={
            f"torch.logical_{name}(mask, mask2)": f"tf.math.logical_{name}(mask, mask2)",
            f"torch.logical_{name}(mask, i2)": f"tf.math.logical_{name}(mask, tf.cast(i2, tf.bool))",
        },
    )
    def translate(call: Call) -> str:
        """Numbers count as true unless they are 0."""
        return f"tf.math.logical_{name}({as_bool(call.input)}, {as_bool(call.other)})"

    @rule(
        f"torch.bitwise_{name}(input, other)",
        f"torch.Tensor.bitwise_{name}(input, other)",
        cases={
            f"torch.bitwise_{name}(mask, mask2)": f"tf.math.logical_{name}(mask, mask2)",
            f"torch.bitwise_{name}(i, 3)": f"tf.bitwise.bitwise_{name}(i, 3)",
        },
    )
    def bitwise_operation(call: Call) -> str:
        """Booleans have their own functions in TensorFlow."""
        prefix = "tf.math.logical_" if tensor_dtype(call.input.fact) == "bool" else "tf.bitwise.bitwise_"
        return f"{prefix}{name}({call.input.node_code}, {call.other.node_code})"


for _name in ("and", "or", "xor"):
    _logical(_name)


@rule(
    "torch.logical_not(input)",
    "torch.Tensor.logical_not(input)",
    "torch.bitwise_not(input)",
    "torch.Tensor.bitwise_not(input)",
    cases={
        "torch.logical_not(mask)": "tf.logical_not(mask)",
        "torch.logical_not(i)": "tf.logical_not(tf.cast(i, tf.bool))",
    },
)
def logical_not(call: Call) -> str:
    """Numbers count as true unless they are 0."""
    if "bitwise" in call.signature.name and call.input.dtype() != "bool":
        return f"tf.bitwise.invert({call.input.node_code})"
    return f"tf.logical_not({as_bool(call.input)})"


@rule(
    "torch.where(condition, input=None, other=None)",
    cases={
        "torch.where(mask, x, y)": "tf.where(mask, x, y)",
        "torch.where(mask, x, 0.0)": "tf.where(mask, x, 0.0)",
        "torch.where(mask, 0.0, x)": "tf.where(mask, tf.cast(0.0, x.dtype), x)",
        "torch.where(mask, x, i2)": "tf.where(mask, x, tf.cast(i2, tf.float32))",
        "torch.where(mask)": "tf.unstack(tf.where(mask), axis=1)",
        "torch.where(i > 1, 1, 0)": "tf.where(i > 1, tf.cast(1, tf.int64), 0)",
        "torch.where(mask, 1.0, 0.0)": "tf.where(mask, 1.0, 0.0)",
    },
)
def where(call: Call) -> str:
    """In a graph a python number in front takes the default dtype, not the other value's."""
    if not call.given("input"):
        return _nonzero_tuple(call.condition)
    condition = as_bool(call.condition)
    return f"tf.where({condition}, {_chosen(call, call.input, call.other)}, {_chosen(call, call.other, None)})"


@rule(
    "torch.Tensor.where(input, condition, other)",
    cases={"x.where(mask, y)": "tf.where(mask, x, y)", "x.where(mask, 0.0)": "tf.where(mask, x, 0.0)"},
)
def where_method(call: Call) -> str:
    """The tensor's own values where the condition holds."""
    condition = as_bool(call.condition)
    return f"tf.where({condition}, {_chosen(call, call.input, call.other)}, {_chosen(call, call.other, None)})"


def _chosen(call: Call, value: Arg, following: Arg | None) -> str:
    dtype = tensor_dtype(call.result)
    if value.is_a("tensor"):
        return cast(value, dtype) if dtype else value.node_code
    if following is None or dtype is None or (dtype == "float32" and not following.is_a("tensor")):
        return value.node_code
    known = following.is_simple() and tensor_dtype(following.fact) == dtype
    return f"tf.cast({value.node_code}, {f'{following}.dtype' if known else f'tf.{dtype}'})"


def _nonzero_tuple(tensor: Arg) -> str:
    return f"tf.unstack(tf.where({tensor.node_code}), axis=1)"


@rule(
    "torch.nonzero(input, *, as_tuple=False)",
    "torch.Tensor.nonzero(input, *, as_tuple=False)",
    "torch.argwhere(input, *, as_tuple=False)",
    cases={
        "mask.nonzero()": "tf.where(mask)",
        "torch.nonzero(i, as_tuple=True)": "tf.unstack(tf.where(i), axis=1)",
    },
)
def nonzero(call: Call) -> str:
    """Indices as int64, row by row in both."""
    return _nonzero_tuple(call.input) if call.as_tuple.value() else f"tf.where({call.input.node_code})"


@rule(
    "torch.Tensor.masked_fill(input, mask, value)",
    "torch.masked_fill(input, mask, value)",
    cases={
        "x.masked_fill(mask, 0.0)": "tf.where(mask, tf.cast(0.0, x.dtype), x)",
        "x.masked_fill(~mask, 0.0)": "tf.where(mask, x, 0.0)",
        "x.masked_fill(mask, torch.finfo(x.dtype).min)": "tf.where(mask, x.dtype.min, x)",
        "(x + y).masked_fill(mask, -1.0)": "tf.where(tf.logical_not(mask), x + y, -1.0)",
    },
)
def masked_fill(call: Call) -> str:
    """A python number takes the tensor's dtype only where it stands behind it."""
    mask = call.mask
    value = call.value.node_code
    if isinstance(mask.node, cst.UnaryOperation) and isinstance(mask.node.operator, cst.BitInvert):
        kept = code_of(mask.node.expression.with_changes(lpar=[], rpar=[]))
        return f"tf.where({kept}, {call.input.node_code}, {_fill_value(call)})"
    if call.value.is_a("tensor") or value.endswith((".dtype.min", ".dtype.max")):
        return f"tf.where({as_bool(mask)}, {_fill_value(call)}, {call.input.node_code})"
    if call.input.is_simple():
        return f"tf.where({as_bool(mask)}, tf.cast({value}, {call.input}.dtype), {call.input})"
    return f"tf.where(tf.logical_not({as_bool(mask)}), {call.input.node_code}, {value})"


def _fill_value(call: Call) -> str:
    dtype = tensor_dtype(call.input.fact)
    return cast(call.value, dtype) if dtype and call.value.is_a("tensor") else call.value.node_code


@rule(
    "torch.isin(elements, test_elements, *, assume_unique=False, invert=False)",
    cases={"torch.isin(i, v3)": "isin(i, v3)"},
)
def isin(call: Call) -> str:
    """Whether each element is among the others."""
    dtype = promoted_dtype((call.elements.fact, call.test_elements.fact))
    right = cast(call.test_elements, dtype) if dtype else call.test_elements.node_code
    found = f"isin({call.elements.node_code}, {right})"
    return f"tf.logical_not({found})" if call.invert.value() else found


rule(
    "torch.equal(input, other)",
    "torch.Tensor.equal(input, other)",
    to="tf.reduce_all(tf.equal(input, other))",
    cases={"torch.equal(i, i)": "tf.reduce_all(tf.equal(i, i))"},
)
rule(
    "torch.isclose(input, other, rtol=1e-05, atol=1e-08)",
    "torch.Tensor.isclose(input, other, rtol=1e-05, atol=1e-08)",
    to="tf.experimental.numpy.isclose(input, other, rtol=rtol, atol=atol)",
    cases={"torch.isclose(x, y)": "tf.experimental.numpy.isclose(x, y)"},
)
rule(
    "torch.allclose(input, other, rtol=1e-05, atol=1e-08)",
    "torch.Tensor.allclose(input, other, rtol=1e-05, atol=1e-08)",
    to="tf.experimental.numpy.allclose(input, other, rtol=rtol, atol=atol)",
    cases={"torch.allclose(x, y)": "tf.experimental.numpy.allclose(x, y)"},
)
