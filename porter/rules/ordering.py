"""Rules for what stands at a place of the sorted numbers, and for sums of exponentials and squares along an axis."""

from __future__ import annotations

from porter.rulebook import Call, rule

rule(
    "torch.kthvalue(input, k, dim=-1, keepdim=False)",
    to="kth_value(input, k, axis=dim, keepdims=keepdim)",
    cases={
        "torch.kthvalue(x, 2, dim=1, keepdim=True)": "kth_value(x, 2, axis=1, keepdims=True)",
        "x.kthvalue(1)": "kth_value(x, 1)",
    },
)


@rule(
    "torch.median(input, dim=None, keepdim=False)",
    "torch.Tensor.median(input, dim=None, keepdim=False)",
    cases={
        "torch.median(x)": "median(x)",
        "x.median(dim=1)": "median_with_indices(x, axis=1)",
        "x.median(-1, keepdim=True)": "median_with_indices(x, axis=-1, keepdims=True)",
    },
)
def median(call: Call) -> str:
    """With an axis PyTorch returns values and indices."""
    if not call.given("dim"):
        return f"median({call.input.node_code})"
    keeps = f", keepdims={call.keepdim.node_code}" if call.given("keepdim") else ""
    return f"median_with_indices({call.input.node_code}, axis={call.dim.node_code}{keeps})"


rule(
    "torch.quantile(input, q, dim=None, keepdim=False, *, interpolation='linear')",
    to="keras.ops.quantile(input, q, axis=dim, keepdims=keepdim, method=interpolation)",
    cases={
        "torch.quantile(x, 0.25, dim=1)": "keras.ops.quantile(x, 0.25, axis=1)",
        "x.quantile(0.5)": "keras.ops.quantile(x, 0.5)",
    },
)
rule(
    "torch.logcumsumexp(input, dim)",
    to="tf.math.cumulative_logsumexp(input, axis=dim)",
    cases={"torch.logcumsumexp(x, dim=1)": "tf.math.cumulative_logsumexp(x, axis=1)"},
)
rule("torch.msort(input)", to="tf.sort(input, axis=0)", cases={"torch.msort(x)": "tf.sort(x, axis=0)"})
rule(
    "torch.nansum(input, dim=None, keepdim=False)",
    to="tf.experimental.numpy.nansum(input, axis=dim, keepdims=keepdim)",
    cases={"torch.nansum(x, dim=1)": "tf.experimental.numpy.nansum(x, axis=1)"},
)
rule(
    "torch.nanmean(input, dim=None, keepdim=False)",
    to="tf.experimental.numpy.nanmean(input, axis=dim, keepdims=keepdim)",
    cases={"torch.nanmean(x, dim=1, keepdim=True)": "tf.experimental.numpy.nanmean(x, axis=1, keepdims=True)"},
)


@rule(
    "torch.aminmax(input, *, dim=None, keepdim=False)",
    cases={
        "torch.aminmax(x)": "(tf.reduce_min(x), tf.reduce_max(x))",
        "torch.aminmax(x, dim=1)": "(tf.reduce_min(x, axis=1), tf.reduce_max(x, axis=1))",
    },
)
def both_ends(call: Call) -> str:
    """Two values."""
    return f"({_reduced('tf.reduce_min', call)}, {_reduced('tf.reduce_max', call)})"


def _with_mean(name: str, function: str) -> None:
    @rule(
        f"torch.{name}_mean(input, dim=None, unbiased=True, keepdim=False, *, correction=1)",
        cases={
            f"torch.{name}_mean(x, dim=1, keepdim=True)": (
                f"({name}(x, axis=1, keepdims=True), tf.reduce_mean(x, axis=1, keepdims=True))"
            ),
            f"torch.{name}_mean(x, dim=(1, 2), unbiased=False)": (
                f"({function}(x, axis=(1, 2)), tf.reduce_mean(x, axis=(1, 2)))"
            ),
        },
    )
    def translate(call: Call) -> str:
        """PyTorch divides by n - 1 unless told otherwise."""
        if call.dim.node_code in ("True", "False"):
            call.unknown("a single positional boolean is ambiguous here")
        biased = call.unbiased.value() is False or call.correction.value() == 0
        return f"({_reduced(function if biased else name, call)}, {_reduced('tf.reduce_mean', call)})"


def _reduced(function: str, call: Call) -> str:
    axis = f", axis={call.dim.node_code}" if call.given("dim") else ""
    keeps = f", keepdims={call.keepdim.node_code}" if call.given("keepdim") else ""
    return f"{function}({call.input.node_code}{axis}{keeps})"


_with_mean("var", "tf.math.reduce_variance")
_with_mean("std", "tf.math.reduce_std")
