"""Rules that reduce axes, sort, or accumulate along them."""

from __future__ import annotations

from porter.facts.promotion import is_float
from porter.rulebook import Call, rule
from porter.rules.casting import as_bool, as_float, cast, cast_to, tensor_dtype


def axes(call: Call) -> str:
    """`, axis=..., keepdims=...` as far as the caller passed them."""
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    keeps = call.signature.parameter("keepdim") is not None and call.given("keepdim") and call.keepdim.node_code
    return axis + (f", keepdims={keeps}" if keeps and keeps != "False" else "")


def _integral(call: Call) -> str:
    """The input as PyTorch adds it up: booleans and small integers as int64, or in the dtype asked for."""
    if call.given("dtype"):
        return cast_to(call.input, call.dtype.node_code)
    fact, dtype = call.input.fact, tensor_dtype(call.input.fact)
    if dtype is None and fact is not None and fact.is_tensor and fact.rank is not None:
        return f"as_numbers({call.input.node_code})"  # booleans in one run, numbers in another
    return call.input.node_code if dtype is None or is_float(dtype) else cast(call.input, "int64")


@rule(
    "torch.sum(input, dim=None, keepdim=False, *, dtype=None)",
    "torch.Tensor.sum(input, dim=None, keepdim=False, *, dtype=None)",
    cases={
        "x.sum(-1, keepdim=True)": "tf.reduce_sum(x, axis=-1, keepdims=True)",
        "x.sum()": "tf.reduce_sum(x)",
        "mask.sum(dim=1)": "tf.reduce_sum(tf.cast(mask, tf.int64), axis=1)",
        "torch.sum(x, dim=(0, 1))": "tf.reduce_sum(x, axis=(0, 1))",
    },
)
def total(call: Call) -> str:
    """Booleans are counted."""
    return f"tf.reduce_sum({_integral(call)}{axes(call)})"


@rule(
    "torch.prod(input, dim=None, keepdim=False, *, dtype=None)",
    "torch.Tensor.prod(input, dim=None, keepdim=False, *, dtype=None)",
    cases={"i.prod(-1)": "tf.reduce_prod(i, axis=-1)", "torch.prod(x)": "tf.reduce_prod(x)"},
)
def product(call: Call) -> str:
    """Integers multiply as int64."""
    return f"tf.reduce_prod({_integral(call)}{axes(call)})"


@rule(
    "torch.mean(input, dim=None, keepdim=False, *, dtype=None)",
    "torch.Tensor.mean(input, dim=None, keepdim=False, *, dtype=None)",
    cases={
        "x.mean(-1, keepdim=True)": "tf.reduce_mean(x, axis=-1, keepdims=True)",
        "x.mean(dim=[1, 2])": "tf.reduce_mean(x, axis=[1, 2])",
    },
)
def mean(call: Call) -> str:
    """Only floats have a mean in PyTorch."""
    return f"tf.reduce_mean({_integral(call)}{axes(call)})"


def _extremum(name: str, function: str, index: str) -> None:
    @rule(
        f"torch.{name}(input, dim=None, keepdim=False)",
        f"torch.Tensor.{name}(input, dim=None, keepdim=False)",
        cases={
            f"x.{name}()": f"{function}(x)",
            f"x.{name}(-1)": f"{name}_with_indices(x, axis=-1)",
            f"x.{name}(dim=1, keepdim=True)": f"{name}_with_indices(x, axis=1, keepdims=True)",
            f"x.{name}(-1)[0]": f"{function}(x, axis=-1)",
            f"x.{name}(-1, keepdim=True).values": f"{function}(x, axis=-1, keepdims=True)",
            f"x.{name}(-1).indices": f"{index}(x, axis=-1)",
            f"torch.{name}(x, y)": f"tf.{name}imum(x, y)",
        },
    )
    def translate(call: Call) -> str:
        """With an axis PyTorch returns values and indices; with another tensor it compares element by element."""
        if not call.given("dim"):
            return f"{function}({call.input.node_code})"
        if call.dim.is_a("tensor"):
            dtype = tensor_dtype(call.result)
            left, right = (cast(arg, dtype) if dtype else arg.node_code for arg in (call.input, call.dim))
            return f"tf.{name}imum({left}, {right})"
        return f"{name}_with_indices({call.input.node_code}{axes(call)})"

    @rule(
        f"torch.a{name}(input, dim=None, keepdim=False)",
        f"torch.Tensor.a{name}(input, dim=None, keepdim=False)",
        cases={
            f"x.a{name}(-1)": f"{function}(x, axis=-1)",
            f"x.a{name}(dim=(0, 1), keepdim=True)": f"{function}(x, axis=(0, 1), keepdims=True)",
        },
    )
    def values_alone(call: Call) -> str:
        """Without indices."""
        return f"{function}({call.input.node_code}{axes(call)})"

    @rule(
        f"torch.arg{name}(input, dim=None, keepdim=False)",
        f"torch.Tensor.arg{name}(input, dim=None, keepdim=False)",
        cases={
            f"x.arg{name}(-1)": f"{index}(x, axis=-1)",
            f"x.arg{name}(dim=1, keepdim=True)": f"tf.expand_dims({index}(x, axis=1), 1)",
            f"torch.arg{name}(x)": f"{index}(flatten(x))",
        },
    )
    def position(call: Call) -> str:
        """int64 in both; without an axis PyTorch counts in the flattened tensor."""
        if not call.given("dim"):
            return f"{index}(flatten({call.input.node_code}))"
        code = f"{index}({call.input.node_code}, axis={call.dim.node_code})"
        return f"tf.expand_dims({code}, {call.dim.node_code})" if call.keepdim.value() else code


_extremum("max", "tf.reduce_max", "tf.argmax")
_extremum("min", "tf.reduce_min", "tf.argmin")


def _truth(name: str) -> None:
    @rule(
        f"torch.{name}(input, dim=None, keepdim=False)",
        f"torch.Tensor.{name}(input, dim=None, keepdim=False)",
        cases={
            f"mask.{name}()": f"tf.reduce_{name}(mask)",
            f"torch.{name}(mask, dim=-1)": f"tf.reduce_{name}(mask, axis=-1)",
            f"i.{name}()": f"tf.reduce_{name}(tf.cast(i, tf.bool))",
        },
    )
    def translate(call: Call) -> str:
        """Numbers count as true unless they are 0."""
        return f"tf.reduce_{name}({as_bool(call.input)}{axes(call)})"


_truth("any")
_truth("all")


def _spread(name: str, function: str) -> None:
    @rule(
        f"torch.{name}(input, dim=None, unbiased=True, keepdim=False, *, correction=1)",
        f"torch.Tensor.{name}(input, dim=None, unbiased=True, keepdim=False, *, correction=1)",
        cases={
            f"x.{name}(-1, keepdim=True, unbiased=False)": f"{function}(x, axis=-1, keepdims=True)",
            f"torch.{name}(x, dim=-1, correction=0)": f"{function}(x, axis=-1)",
            f"x.{name}(dim=-1)": f"{name}(x, axis=-1)",
            f"x.{name}()": f"{name}(x)",
        },
    )
    def translate(call: Call) -> str:
        """PyTorch divides by n - 1 unless told otherwise, TensorFlow by n."""
        if call.dim.node_code in ("True", "False"):
            call.unknown("a single positional boolean is ambiguous here")
        biased = call.unbiased.value() is False or call.correction.value() == 0
        return f"{function if biased else name}({call.input.node_code}{axes(call)})"


_spread("var", "tf.math.reduce_variance")
_spread("std", "tf.math.reduce_std")

rule(
    "torch.logsumexp(input, dim, keepdim=False)",
    "torch.Tensor.logsumexp(input, dim, keepdim=False)",
    to="tf.reduce_logsumexp(input, axis=dim, keepdims=keepdim)",
    cases={
        "torch.logsumexp(x, dim=-1)": "tf.reduce_logsumexp(x, axis=-1)",
        "x.logsumexp(1, keepdim=True)": "tf.reduce_logsumexp(x, axis=1, keepdims=True)",
    },
)


@rule(
    "torch.norm(input, p='fro', dim=None, keepdim=False, *, dtype=None)",
    "torch.Tensor.norm(input, p='fro', dim=None, keepdim=False, *, dtype=None)",
    "torch.linalg.vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None)",
    "torch.linalg.norm(A, ord=None, dim=None, keepdim=False, *, dtype=None)",
    cases={
        "x.norm(dim=-1, keepdim=True)": "tf.norm(x, axis=-1, keepdims=True)",
        "x.norm(p=2, dim=-1)": "tf.norm(x, axis=-1)",
        "torch.norm(x, p=1, dim=1)": "tf.norm(x, ord=1, axis=1)",
        "x.norm()": "tf.norm(x)",
        "torch.linalg.vector_norm(x, ord=2, dim=-1)": "tf.norm(x, axis=-1)",
    },
)
def norm(call: Call) -> str:
    """The Euclidean norm is the default of both."""
    names = [parameter.name for parameter in call.signature.parameters]
    tensor, order = getattr(call, names[0]), getattr(call, names[1])
    kind = "" if order.value() in (2, 2.0, "fro", None) else f", ord={order.node_code}"
    code = cast_to(tensor, call.dtype.node_code) if call.given("dtype") else tensor.node_code
    return f"tf.norm({code}{kind}{axes(call)})"


@rule(
    "torch.cumsum(input, dim, *, dtype=None)",
    "torch.Tensor.cumsum(input, dim, *, dtype=None)",
    cases={
        "torch.cumsum(x, dim=1)": "tf.cumsum(x, axis=1)",
        "mask.cumsum(-1)": "tf.cumsum(tf.cast(mask, tf.int64), axis=-1)",
        "i.cumsum(dim=0, dtype=torch.float32)": "tf.cumsum(tf.cast(i, tf.float32), axis=0)",
    },
)
def cumsum(call: Call) -> str:
    """Booleans are counted."""
    return f"tf.cumsum({_integral(call)}, axis={call.dim.node_code})"


@rule(
    "torch.cumprod(input, dim, *, dtype=None)",
    "torch.Tensor.cumprod(input, dim, *, dtype=None)",
    cases={"torch.cumprod(x, dim=1)": "tf.math.cumprod(x, axis=1)"},
)
def cumprod(call: Call) -> str:
    """Integers multiply as int64."""
    return f"tf.math.cumprod({_integral(call)}, axis={call.dim.node_code})"


rule(
    "torch.cummax(input, dim)",
    "torch.Tensor.cummax(input, dim)",
    to="cummax(input, axis=dim)",
    cases={"torch.cummax(x, dim=1)": "cummax(x, axis=1)"},
)
rule(
    "torch.cummin(input, dim)",
    "torch.Tensor.cummin(input, dim)",
    to="cummin(input, axis=dim)",
    cases={"torch.cummin(x, dim=1)": "cummin(x, axis=1)"},
)
rule(
    "torch.topk(input, k, dim=-1, largest=True, sorted=True)",
    "torch.Tensor.topk(input, k, dim=-1, largest=True, sorted=True)",
    to="top_k(input, k, axis=dim, largest=largest, sorted=sorted)",
    cases={
        "x.topk(2, dim=-1)": "top_k(x, 2)",
        "torch.topk(x, k=2, dim=1, largest=False)": "top_k(x, 2, axis=1, largest=False)",
        "x.topk(2).indices": "top_k(x, 2).indices",
    },
    doc="tf.math.top_k with int64 indices, along any axis.",
)
rule(
    "torch.sort(input, dim=-1, descending=False, stable=False)",
    "torch.Tensor.sort(input, dim=-1, descending=False, stable=False)",
    to="sort_with_indices(input, axis=dim, descending=descending)",
    cases={"torch.sort(x, descending=True)": "sort_with_indices(x, descending=True)"},
)


rule(
    "torch.argsort(input, dim=-1, descending=False, stable=False)",
    "torch.Tensor.argsort(input, dim=-1, descending=False, stable=False)",
    to="argsort(input, axis=dim, descending=descending)",
    cases={
        "torch.argsort(x, dim=1)": "argsort(x, axis=1)",
        "x.argsort(descending=True)": "argsort(x, descending=True)",
    },
)


@rule(
    "torch.softmax(input, dim=None, dtype=None)",
    "torch.Tensor.softmax(input, dim=None, dtype=None)",
    "torch.nn.functional.softmax(input, dim=None, _stacklevel=3, dtype=None)",
    "torch.special.softmax(input, dim=None, dtype=None)",
    cases={
        "torch.softmax(x, dim=-1)": "tf.nn.softmax(x, axis=-1)",
        "x.softmax(1)": "tf.nn.softmax(x, axis=1)",
        "F.softmax(x, dim=-1, dtype=torch.float32)": "tf.nn.softmax(tf.cast(x, tf.float32), axis=-1)",
        "F.softmax(x, dim=-1, dtype=x.dtype)": "tf.nn.softmax(x, axis=-1)",
    },
)
def softmax(call: Call) -> str:
    """PyTorch computes in the dtype asked for."""
    return f"tf.nn.softmax({_computed_in(call)}, axis={call.dim.node_code})"


@rule(
    "torch.log_softmax(input, dim=None, dtype=None)",
    "torch.Tensor.log_softmax(input, dim=None, dtype=None)",
    "torch.nn.functional.log_softmax(input, dim=None, _stacklevel=3, dtype=None)",
    "torch.special.log_softmax(input, dim=None, dtype=None)",
    cases={"F.log_softmax(x, dim=-1)": "tf.nn.log_softmax(x, axis=-1)"},
)
def log_softmax(call: Call) -> str:
    """PyTorch computes in the dtype asked for."""
    return f"tf.nn.log_softmax({_computed_in(call)}, axis={call.dim.node_code})"


def _computed_in(call: Call) -> str:
    if call.given("dtype"):
        return cast_to(call.input, call.dtype.node_code)
    return as_float(call.input)


@rule(
    "torch.bincount(input, weights=None, minlength=0)",
    "torch.Tensor.bincount(input, weights=None, minlength=0)",
    cases={
        "torch.bincount(v3, minlength=6)": "tf.cast(tf.math.bincount(tf.cast(v3, tf.int32), minlength=6), tf.int64)",
        "torch.bincount(v3)": "tf.cast(tf.math.bincount(tf.cast(v3, tf.int32)), tf.int64)",
        "torch.bincount(v3, minlength=x.shape[0] + 4)": (
            "tf.cast(tf.math.bincount(tf.cast(v3, tf.int32), minlength=tf.cast(shape_list(x)[0] + 4, tf.int32)), "
            "tf.int64)"
        ),
        "torch.bincount(v3, v3.float(), 6)": (
            "tf.math.bincount(tf.cast(v3, tf.int32), tf.cast(v3, tf.float32), minlength=6)"
        ),
    },
)
def bincount(call: Call) -> str:
    """TensorFlow counts in int32, and takes a least length of that type alone."""
    least, weights = call.minlength, f", {call.weights.node_code}" if call.given("weights") else ""
    length = least.node_code if least.is_literal() else f"tf.cast({least.node_code}, tf.int32)"
    size = f", minlength={length}" if call.given("minlength") else ""
    counts = f"tf.math.bincount(tf.cast({call.input.node_code}, tf.int32){weights}{size})"
    return counts if weights else f"tf.cast({counts}, tf.int64)"


rule(
    "torch.histc(input, bins=100, min=0, max=0)",
    "torch.Tensor.histc(input, bins=100, min=0, max=0)",
    to="histc(input, bins, min, max)",
    cases={"torch.histc(x, bins=4, min=-1, max=1)": "histc(x, 4, -1, 1)"},
)
rule(
    "torch.diff(input, n=1, dim=-1)",
    "torch.Tensor.diff(input, n=1, dim=-1)",
    to="tf.experimental.numpy.diff(input, n=n, axis=dim)",
    cases={"torch.diff(x, dim=1)": "tf.experimental.numpy.diff(x, axis=1)"},
)
rule(
    "torch.count_nonzero(input, dim=None)",
    "torch.Tensor.count_nonzero(input, dim=None)",
    to="tf.math.count_nonzero(input, axis=dim)",
    cases={"torch.count_nonzero(i, dim=1)": "tf.math.count_nonzero(i, axis=1)"},
)
rule(
    "torch.unique_consecutive(input, return_inverse=False, return_counts=False, dim=None)",
    "torch.Tensor.unique_consecutive(input, return_inverse=False, return_counts=False, dim=None)",
    to="unique_consecutive(input, return_inverse=return_inverse, return_counts=return_counts, axis=dim)",
    cases={"torch.unique_consecutive(i)": "unique_consecutive(i)"},
)
rule(
    "torch.unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None)",
    "torch.Tensor.unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None)",
    to="unique(input, return_inverse=return_inverse, return_counts=return_counts)",
    cases={
        "torch.unique(i)": "unique(i)",
        "i.unique(return_counts=True)": "unique(i, return_counts=True)",
    },
)
