"""Rules for element-wise arithmetic."""

from __future__ import annotations

from porter.facts.promotion import is_float
from porter.rulebook import Call, rule
from porter.rulebook.call import Arg
from porter.rules.casting import as_float, cast, float_operand, operands, promoted, tensor_dtype

# torch name -> TensorFlow function, for functions that compute in floating point whatever they get
_FLOAT_FUNCTIONS = {
    "exp": "tf.exp",
    "log": "tf.math.log",
    "log1p": "tf.math.log1p",
    "expm1": "tf.math.expm1",
    "sqrt": "tf.sqrt",
    "rsqrt": "tf.math.rsqrt",
    "sin": "tf.sin",
    "cos": "tf.cos",
    "tan": "tf.tan",
    "asin": "tf.asin",
    "arcsin": "tf.asin",
    "acos": "tf.acos",
    "arccos": "tf.acos",
    "atan": "tf.atan",
    "arctan": "tf.atan",
    "sinh": "tf.sinh",
    "cosh": "tf.cosh",
    "tanh": "tf.tanh",
    "erf": "tf.math.erf",
    "sigmoid": "tf.sigmoid",
    "asinh": "tf.asinh",
    "arcsinh": "tf.asinh",
    "atanh": "tf.atanh",
    "arctanh": "tf.atanh",
    "reciprocal": "tf.math.reciprocal",
}
_FUNCTIONS = {
    "abs": "tf.abs",
    "absolute": "tf.abs",
    "neg": "tf.negative",
    "negative": "tf.negative",
    "sign": "tf.sign",
    "sgn": "tf.sign",
    "floor": "tf.floor",
    "ceil": "tf.math.ceil",
    "square": "tf.square",
    "relu": "tf.nn.relu",
    "real": "tf.math.real",
    "imag": "tf.math.imag",
    "conj": "tf.math.conj",
}


def _float_function(name: str, function: str) -> None:
    domain = (
        "u"
        if name in ("log", "sqrt", "rsqrt", "asin", "arcsin", "atanh", "arctanh", "acos", "arccos", "reciprocal")
        else "x"
    )

    @rule(
        f"torch.{name}(input)",
        f"torch.Tensor.{name}(input)",
        cases={f"torch.{name}({domain})": f"{function}({domain})", f"{domain}.{name}()": f"{function}({domain})"},
    )
    def translate(call: Call) -> str:
        """Integers become float32 first, as in PyTorch."""
        return f"{function}({as_float(call.input)})"


for _name, _function in _FLOAT_FUNCTIONS.items():
    _float_function(_name, _function)
for _name, _function in _FUNCTIONS.items():
    _sample = "z" if _name in ("real", "imag", "conj") else "x"
    rule(
        f"torch.{_name}(input)",
        f"torch.Tensor.{_name}" if _name in ("real", "imag") else f"torch.Tensor.{_name}(input)",
        to=f"{_function}(input)",
        cases={f"torch.{_name}({_sample})": f"{_function}({_sample})"},
    )

rule(
    "torch.round(input)",
    "torch.Tensor.round(input)",
    to="tf.round(input)",
    cases={"torch.round(x * 2)": "tf.round(x * 2)"},
    doc="Both round halves to even.",
)
rule(
    "torch.trunc(input)",
    "torch.Tensor.trunc(input)",
    "torch.fix(input)",
    to="tf.cast(tf.cast(input, tf.int64), input.dtype)",
    cases={"torch.trunc(x)": "tf.cast(tf.cast(x, tf.int64), x.dtype)"},
)
rule(
    "torch.log2(input)",
    "torch.Tensor.log2(input)",
    to="tf.math.log(input) / math.log(2.0)",
    cases={"torch.log2(u)": "tf.math.log(u) / math.log(2.0)"},
)
rule(
    "torch.log10(input)",
    "torch.Tensor.log10(input)",
    to="tf.math.log(input) / math.log(10.0)",
    cases={"torch.log10(u)": "tf.math.log(u) / math.log(10.0)"},
)
rule("torch.exp2(input)", "torch.Tensor.exp2(input)", to="2.0**input", cases={"torch.exp2(x)": "2.0**x"})
rule("torch.deg2rad(input)", to="input * (math.pi / 180)", cases={"torch.deg2rad(x)": "x * (math.pi / 180)"})


def _binary(names: tuple[str, ...], operator: str) -> None:
    first = names[0]

    @rule(
        *(f"torch.{name}(input, other, *, alpha=1)" for name in names),
        *(f"torch.Tensor.{name}(input, other, *, alpha=1)" for name in names),
        cases={
            f"torch.{first}(x, y)": f"x {operator} y",
            f"x.{first}(i2)": f"x {operator} tf.cast(i2, tf.float32)",
            f"x.{first}(2.0)": f"x {operator} 2.0",
        },
    )
    def translate(call: Call) -> str:
        """One operator; both sides in the dtype that PyTorch promotes to."""
        left, right = operands(call, call.input, call.other)
        if call.given("alpha"):
            right = f"{call.alpha} * {right}"
        return f"{left} {operator} {right}"


_binary(("add",), "+")
_binary(("sub", "subtract"), "-")
_binary(("mul", "multiply"), "*")


@rule(
    "torch.div(input, other, *, rounding_mode=None)",
    "torch.Tensor.div(input, other, *, rounding_mode=None)",
    "torch.divide(input, other, *, rounding_mode=None)",
    "torch.Tensor.divide(input, other, *, rounding_mode=None)",
    "torch.true_divide(input, other, *, rounding_mode=None)",
    "torch.Tensor.true_divide(input, other, *, rounding_mode=None)",
    cases={
        "torch.div(x, 2.0)": "x / 2.0",
        "i.div(2)": "tf.cast(i, tf.float32) / 2",
        'torch.div(i, 2, rounding_mode="floor")': "i // 2",
        'torch.div(x, y, rounding_mode="floor")': "x // y",
    },
)
def divide(call: Call) -> str:
    """Integers divided are float32 in PyTorch, float64 in TensorFlow."""
    mode = call.rounding_mode.value()
    if mode == "trunc":
        return f"truncated_divide({call.input.node_code}, {call.other.node_code})"
    left, right = operands(call, call.input, call.other)
    if mode == "floor":
        return f"{left} // {right}"
    dtypes = {tensor_dtype(call.input.fact), tensor_dtype(call.other.fact)} - {None}
    if dtypes and not any(is_float(dtype) for dtype in dtypes):
        left, right = float_operand(call.input), float_operand(call.other)
    return f"{left} / {right}"


@rule(
    "torch.floor_divide(input, other)",
    "torch.Tensor.floor_divide(input, other)",
    cases={"torch.floor_divide(i, 2)": "i // 2"},
)
def floor_divide(call: Call) -> str:
    """Rounds towards minus infinity in both."""
    left, right = operands(call, call.input, call.other)
    return f"{left} // {right}"


@rule(
    "torch.pow(input, exponent)",
    "torch.Tensor.pow(input, exponent)",
    "torch.float_power(input, exponent)",
    cases={
        "x.pow(2)": "tf.square(x)",
        "torch.pow(u, 0.5)": "tf.pow(u, 0.5)",
        "torch.pow(2.0, x)": "2.0**x",
        "torch.pow(10000.0, i2)": "10000.0 ** tf.cast(i2, tf.float32)",
    },
)
def power(call: Call) -> str:
    """A python base takes the exponent's dtype, which tf.pow does not do."""
    if call.input.is_a("tensor"):
        if call.exponent.is_literal() and call.exponent.const() == 2:
            return f"tf.square({call.input.node_code})"
        if call.exponent.is_a("float"):
            return f"tf.pow({as_float(call.input)}, {call.exponent.node_code})"
        left, right = promoted(call, call.input, call.exponent)
        return f"tf.pow({left}, {right})"
    if call.input.is_a("float") and not is_float(tensor_dtype(call.exponent.fact)):
        return f"{call.input} ** {float_operand(call.exponent)}"
    return f"{call.input}**{call.exponent}" if call.exponent.is_simple() else f"{call.input} ** {call.exponent}"


@rule(
    "torch.remainder(input, other)",
    "torch.Tensor.remainder(input, other)",
    cases={"torch.remainder(i, 3)": "i % 3", "torch.remainder(x, 0.7)": "x % 0.7"},
)
def remainder(call: Call) -> str:
    """The sign of the divisor in both."""
    left, right = operands(call, call.input, call.other)
    return f"{left} % {right}"


rule(
    "torch.fmod(input, other)",
    "torch.Tensor.fmod(input, other)",
    to="tf.truncatemod(input, other)",
    cases={"torch.fmod(x, 0.7)": "tf.truncatemod(x, 0.7)"},
)


def _extremum(torch_name: str, function: str) -> None:
    @rule(
        f"torch.{torch_name}(input, other)",
        f"torch.Tensor.{torch_name}(input, other)",
        f"torch.f{torch_name[:3]}(input, other)",
        cases={
            f"torch.{torch_name}(x, y)": f"{function}(x, y)",
            f"torch.{torch_name}(x, i2)": f"{function}(x, tf.cast(i2, tf.float32))",
        },
    )
    def translate(call: Call) -> str:
        """Element by element, in the dtype that PyTorch promotes to."""
        left, right = promoted(call, call.input, call.other)
        return f"{function}({left}, {right})"


_extremum("maximum", "tf.maximum")
_extremum("minimum", "tf.minimum")


@rule(
    "torch.clamp(input, min=None, max=None)",
    "torch.Tensor.clamp(input, min=None, max=None)",
    "torch.clip(input, min=None, max=None)",
    "torch.Tensor.clip(input, min=None, max=None)",
    cases={
        "x.clamp(min=0)": "tf.maximum(x, 0)",
        "torch.clamp(x, max=0.5)": "tf.minimum(x, 0.5)",
        "torch.clamp(i, min=0.5)": "tf.maximum(tf.cast(i, tf.float32), 0.5)",
        "x.clamp(-1, 1)": "tf.clip_by_value(x, -1, 1)",
        "torch.clamp(i, min=1, max=torch.tensor(3))": "tf.clip_by_value(i, 1, tf.constant(3, dtype=tf.int64))",
    },
)
def clamp(call: Call) -> str:
    """One bound is a maximum or minimum."""
    if not call.given("max"):
        return _one_bound(call, "tf.maximum", call.min)
    if not call.given("min"):
        return _one_bound(call, "tf.minimum", call.max)
    tensor = promoted(call, call.input, call.min, call.max)[0]
    dtype = tensor_dtype(call.result) or tensor_dtype(call.input.fact)
    low, high = (cast(bound, dtype) if dtype else bound.node_code for bound in (call.min, call.max))
    return f"tf.clip_by_value({tensor}, {low}, {high})"


@rule(
    "torch.clamp_min(input, min)",
    "torch.Tensor.clamp_min(input, min)",
    cases={"x.clamp_min(0.1)": "tf.maximum(x, 0.1)", "i.clamp_min(1.5)": "tf.maximum(tf.cast(i, tf.float32), 1.5)"},
)
def clamp_min(call: Call) -> str:
    """The greater one."""
    return _one_bound(call, "tf.maximum", call.min)


@rule(
    "torch.clamp_max(input, max)",
    "torch.Tensor.clamp_max(input, max)",
    cases={"x.clamp_max(0.1)": "tf.minimum(x, 0.1)", "i.clamp_max(1.5)": "tf.minimum(tf.cast(i, tf.float32), 1.5)"},
)
def clamp_max(call: Call) -> str:
    """The smaller one."""
    return _one_bound(call, "tf.minimum", call.max)


def _one_bound(call: Call, function: str, bound: Arg) -> str:
    dtype = tensor_dtype(call.result) or tensor_dtype(call.input.fact)
    return f"{function}({promoted(call, call.input, bound)[0]}, {cast(bound, dtype) if dtype else bound.node_code})"


@rule(
    "torch.outer(input, vec2)",
    "torch.Tensor.outer(input, vec2)",
    "torch.ger(input, vec2)",
    cases={
        "torch.outer(v1, v2)": "tf.expand_dims(v1, 1) * v2",
        "torch.outer(rows_i, v2)": "tf.expand_dims(tf.cast(rows_i, tf.float32), 1) * v2",
    },
)
def outer(call: Call) -> str:
    """Each with each; whole numbers become what they are multiplied with."""
    rows, columns = operands(call, call.input, call.vec2)
    return f"tf.expand_dims({rows}, 1) * {columns}"


rule(
    "torch.xlogy(input, other)",
    "torch.special.xlogy(input, other)",
    "torch.Tensor.xlogy(input, other)",
    to="tf.math.xlogy(input, other)",
    cases={"torch.xlogy(x, u)": "tf.math.xlogy(x, u)"},
)
rule(
    "torch.atan2(input, other)",
    "torch.Tensor.atan2(input, other)",
    "torch.arctan2(input, other)",
    to="tf.atan2(input, other)",
    cases={"torch.atan2(x, y)": "tf.atan2(x, y)"},
)
rule(
    "torch.logaddexp(input, other)",
    "torch.Tensor.logaddexp(input, other)",
    to="tf.experimental.numpy.logaddexp(input, other)",
    cases={"torch.logaddexp(x, y)": "tf.experimental.numpy.logaddexp(x, y)"},
)
rule(
    "torch.lerp(input, end, weight)",
    "torch.Tensor.lerp(input, end, weight)",
    to="(1 - weight) * input + weight * end",
    cases={"torch.lerp(x, y, 0.3)": "(1 - 0.3) * x + 0.3 * y"},
)
rule(
    "torch.addcmul(input, tensor1, tensor2, *, value=1)",
    "torch.Tensor.addcmul(input, tensor1, tensor2, *, value=1)",
    to="input + value * tensor1 * tensor2",
    cases={"torch.addcmul(x, x, y)": "x + 1 * x * y"},
)
rule(
    "torch.addcdiv(input, tensor1, tensor2, *, value=1)",
    "torch.Tensor.addcdiv(input, tensor1, tensor2, *, value=1)",
    to="input + value * tensor1 / tensor2",
    cases={"torch.addcdiv(x, y, u)": "x + 1 * y / u"},
)
rule(
    "torch.nan_to_num(input, nan=0.0, posinf=None, neginf=None)",
    "torch.Tensor.nan_to_num(input, nan=0.0, posinf=None, neginf=None)",
    to="nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)",
    cases={"torch.nan_to_num(x, nan=1.0)": "nan_to_num(x, nan=1.0)"},
)
rule(
    "torch.special.expit(input)",
    to="tf.sigmoid(input)",
    cases={"torch.special.expit(x)": "tf.sigmoid(x)"},
)
rule("torch.lgamma(input)", to="tf.math.lgamma(input)", cases={"torch.lgamma(u)": "tf.math.lgamma(u)"})
rule("torch.polar(abs, angle)", to="polar(abs, angle)", cases={"torch.polar(u, x)": "polar(u, x)"})
rule("torch.complex(real, imag)", to="tf.complex(real, imag)", cases={"torch.complex(x, y)": "tf.complex(x, y)"})
rule(
    "torch.view_as_real(input)",
    to="view_as_real(input)",
    cases={"torch.view_as_real(z)": "view_as_real(z)"},
)
rule(
    "torch.view_as_complex(input)",
    to="view_as_complex(input)",
    cases={"torch.view_as_complex(p)": "view_as_complex(p)"},
)
rule(
    "torch.special.logit(input)",
    "torch.logit(input)",
    "torch.Tensor.logit(input)",
    to="tf.math.log(input / (1 - input))",
    cases={"torch.logit(u)": "tf.math.log(u / (1 - u))"},
)

rule(
    "torch.sinc(input)",
    "torch.special.sinc(input)",
    to="tf.experimental.numpy.sinc(input)",
    cases={"torch.sinc(x)": "tf.experimental.numpy.sinc(x)"},
)
