"""Rules for functions of single numbers that few models need."""

from __future__ import annotations

from porter.rulebook import rule

rule(
    "torch.erfinv(input)",
    "torch.special.erfinv(input)",
    to="tf.math.erfinv(input)",
    cases={"torch.erfinv(u)": "tf.math.erfinv(u)"},
)
rule(
    "torch.erfc(input)",
    "torch.special.erfc(input)",
    to="tf.math.erfc(input)",
    cases={"torch.erfc(x)": "tf.math.erfc(x)"},
)
rule("torch.special.erf(input)", to="tf.math.erf(input)", cases={"torch.special.erf(x)": "tf.math.erf(x)"})
rule(
    "torch.digamma(input)",
    "torch.special.digamma(input)",
    to="tf.math.digamma(input)",
    cases={"torch.digamma(u)": "tf.math.digamma(u)"},
)
rule(
    "torch.special.ndtr(input)",
    to="0.5 * tf.math.erfc(-input / math.sqrt(2))",
    cases={"torch.special.ndtr(x)": "0.5 * tf.math.erfc(-x / math.sqrt(2))"},
)
rule(
    "torch.special.gammaln(input)",
    to="tf.math.lgamma(input)",
    cases={"torch.special.gammaln(u)": "tf.math.lgamma(u)"},
)
rule("torch.i0(input)", to="tf.math.bessel_i0(input)", cases={"torch.i0(x)": "tf.math.bessel_i0(x)"})
rule("torch.acosh(input)", to="tf.acosh(input)", cases={"torch.acosh(u + 1)": "tf.acosh(u + 1)"})
rule("torch.angle(input)", to="tf.math.angle(input)", cases={"torch.angle(z)": "tf.math.angle(z)"})
rule(
    "torch.frac(input)",
    to="tf.truncatemod(input, tf.ones_like(input))",
    cases={"torch.frac(x)": "tf.truncatemod(x, tf.ones_like(x))"},
)
rule(
    "torch.hypot(input, other)",
    "torch.Tensor.hypot(input, other)",
    to="tf.sqrt(tf.square(input) + tf.square(other))",
    cases={"torch.hypot(x, y)": "tf.sqrt(tf.square(x) + tf.square(y))"},
)
rule(
    "torch.rad2deg(input)",
    to="input * (180 / math.pi)",
    cases={"torch.rad2deg(x)": "x * (180 / math.pi)"},
)
rule(
    "torch.heaviside(input, values)",
    to="tf.where(input == 0, values, tf.cast(input > 0, input.dtype))",
    cases={"torch.heaviside(x, y)": "tf.where(x == 0, y, tf.cast(x > 0, x.dtype))"},
)
rule(
    "torch.take(input, index)",
    to="tf.gather(flatten(input), index)",
    cases={"torch.take(x, i)": "tf.gather(flatten(x), i)"},
)
