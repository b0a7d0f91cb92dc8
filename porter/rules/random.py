"""Rules for random numbers: other numbers of the same distribution, so that only shapes and dtypes are compared."""

from __future__ import annotations

from porter.facts.promotion import COMPLEX
from porter.rulebook import Call, Drop, Same, rule
from porter.rules.casting import tensor_dtype
from porter.rules.creation import INITIAL_VALUES, dtype_code, dtype_keyword, is_weight, shape_code


def _random(name: str, function: str) -> None:
    @rule(
        f"torch.{name}(*size, generator=None, out=None, dtype=None)",
        cases={
            f"torch.{name}(2, 3)": f"{function}((2, 3))",
        },
    )
    def sample(call: Call) -> str:
        """Other numbers of the same distribution; of complex ones, real and imaginary parts."""
        if tensor_dtype(call.result) in COMPLEX:
            part = "tf.float32" if tensor_dtype(call.result) == "complex64" else "tf.float64"
            drawn = f"{function}({shape_code(call.size)}, dtype={part})"
            factor = "" if name == "rand" else " / math.sqrt(2)"
            return f"tf.complex({drawn}{factor}, {drawn}{factor})"
        return f"{function}({shape_code(call.size)}{dtype_keyword(call)})"

    @rule(
        f"torch.{name}_like(input, *, dtype=None)",
        cases={f"torch.{name}_like(x)": f"{function}(shape_list(x), dtype=x.dtype)"},
    )
    def like(call: Call) -> str:
        """Other numbers of the same distribution."""
        dtype = dtype_code(call, f"{call.input}.dtype" if call.input.is_simple() else None)
        return f"{function}(shape_list({call.input.node_code}), dtype={dtype})"


_random("rand", "tf.random.uniform")
_random("randn", "tf.random.normal")


@rule(
    "torch.randint(low=0, high=None, size=None, *, generator=None, dtype=None)",
    cases={
        "torch.randint(0, 5, (2, 3))": "tf.random.uniform((2, 3), 0, 5, dtype=tf.int64)",
        "torch.randint(5, (2,))": "tf.random.uniform((2,), 0, 5, dtype=tf.int64)",
    },
)
def randint(call: Call) -> str:
    """The upper bound is excluded in both."""
    if call.given("size"):
        low, high, size = call.low.node_code, call.high.node_code, shape_code(call.size)
    else:
        low, high, size = "0", call.low.node_code, shape_code(call.high)
    return f"tf.random.uniform({size}, {low}, {high}, dtype={dtype_code(call)})"


@rule(
    "torch.randint_like(input, low=0, high=None, *, dtype=None)",
    cases={"torch.randint_like(i, 0, 5)": "tf.random.uniform(shape_list(i), 0, 5, dtype=tf.int64)"},
)
def randint_like(call: Call) -> str:
    """The upper bound is excluded in both."""
    low, high = (call.low.node_code, call.high.node_code) if call.given("high") else ("0", call.low.node_code)
    return f"tf.random.uniform(shape_list({call.input.node_code}), {low}, {high}, dtype={dtype_code(call)})"


rule(
    "torch.Generator(device=None)",
    to=Drop(),
    cases={"torch.Generator()": "None"},
    doc="Numbers are drawn from TensorFlow's own generator.",
)
rule(
    "torch.Generator.manual_seed(input, seed)",
    to=Same(),
    cases={"torch.Generator().manual_seed(0)": "None"},
    doc="Other numbers of the same distribution are drawn, whatever the seed.",
)
rule(
    "torch.randperm(n, *, dtype=None)",
    to="tf.random.shuffle(tf.range(n, dtype=tf.int64))",
    cases={"torch.randperm(5)": "tf.random.shuffle(tf.range(5, dtype=tf.int64))"},
)


@rule(
    "torch.Tensor.normal_(input, mean=0.0, std=1.0)",
    cases={
        "x.normal_(mean=0.5)": "tf.random.normal(shape_list(x), mean=0.5, stddev=1.0, dtype=x.dtype)",
    },
)
def normal(call: Call) -> str | Drop:
    """A layer's weight keeps the values that it was built with."""
    if is_weight(call.input):
        return INITIAL_VALUES
    options = f"mean={call.mean.node_code}, stddev={call.std.node_code}, dtype={call.input}.dtype"
    return f"tf.random.normal(shape_list({call.input.node_code}), {options})"


@rule(
    "torch.Tensor.uniform_(input, a=0, b=1)",
    cases={"x.uniform_(0, 2)": "tf.random.uniform(shape_list(x), 0, 2, dtype=x.dtype)"},
)
def uniform(call: Call) -> str | Drop:
    """A layer's weight keeps the values that it was built with."""
    if is_weight(call.input):
        return INITIAL_VALUES
    bounds = f"{call.a.node_code}, {call.b.node_code}"
    return f"tf.random.uniform(shape_list({call.input.node_code}), {bounds}, dtype={call.input}.dtype)"


rule(
    "torch.normal(mean, std, size)",
    to="tf.random.normal(size, mean=mean, stddev=std)",
    cases={"torch.normal(0.0, 2.0, size=(2, 3))": "tf.random.normal((2, 3), mean=0.0, stddev=2.0)"},
)
rule(
    "numpy.random.random()",
    "random.random()",
    to="tf.random.uniform([])",
    cases={"np.random.random()": "tf.random.uniform([])"},
)


@rule(
    "torch.Tensor.bernoulli_(input, p=0.5, *, generator=None)",
    cases={
        "x.bernoulli_(0.3)": "tf.cast(tf.random.uniform(shape_list(x)) < 0.3, x.dtype)",
        "x.new_empty((2, 1)).bernoulli_(0.3)": (
            "tf.cast(tf.random.uniform(shape_list(tf.zeros((2, 1), dtype=x.dtype))) < 0.3, tf.float32)"
        ),
    },
)
def filled_with_draws(call: Call) -> str:
    """One with the probability p, else zero; what stood in the tensor before does not count."""
    dtype = tensor_dtype(call.input.fact)
    dtype = f"{call.input}.dtype" if call.input.is_simple() else f"tf.{dtype or 'float32'}"
    return f"tf.cast(tf.random.uniform(shape_list({call.input.node_code})) < {call.p}, {dtype})"


rule(
    "torch.bernoulli(input, *, generator=None)",
    "torch.Tensor.bernoulli(input, *, generator=None)",
    to="tf.cast(tf.random.uniform(shape_list(input), dtype=input.dtype) < input, input.dtype)",
    cases={
        "torch.bernoulli(u)": "tf.cast(tf.random.uniform(shape_list(u), dtype=u.dtype) < u, u.dtype)",
    },
)
rule(
    "torch.multinomial(input, num_samples, replacement=False)",
    "torch.Tensor.multinomial(input, num_samples, replacement=False)",
    to="multinomial(input, num_samples, replacement=replacement)",
    cases={"torch.multinomial(u2, 2)": "multinomial(u2, 2)"},
)
