"""Rules for `torch.masked`: reductions and activations of those elements for which a mask is true."""

from __future__ import annotations

from porter.rulebook import Call, rule
from porter.rules.casting import as_bool, as_float
from porter.rules.reduction import axes


def _kept(call: Call, instead: str) -> str:
    """The input, with another value where the mask is false."""
    if call.given("dtype"):
        call.unknown("a dtype of the result is not covered")
    tensor = as_float(call.input)
    return f"tf.where({as_bool(call.mask)}, {tensor}, {instead})" if call.given("mask") else tensor


def _reduced(name: str, function: str, instead: str) -> None:
    @rule(
        f"torch.masked.{name}(input, dim=None, *, keepdim=False, dtype=None, mask=None)",
        cases={
            f"torch.masked.{name}(x, dim=1, mask=mask)": f"{function}(tf.where(mask, x, {instead}), axis=1)",
            f"torch.masked.{name}(x, -1, keepdim=True, mask=mask)": (
                f"{function}(tf.where(mask, x, {instead}), axis=-1, keepdims=True)"
            ),
        },
    )
    def translate(call: Call) -> str:
        """What the mask leaves out changes nothing."""
        return f"{function}({_kept(call, instead)}{axes(call)})"


_reduced("sum", "tf.reduce_sum", "0")
_reduced("prod", "tf.reduce_prod", "1")
_reduced("amax", "tf.reduce_max", 'float("-inf")')
_reduced("amin", "tf.reduce_min", 'float("inf")')


def _normalized(name: str) -> None:
    @rule(
        f"torch.masked.{name}(input, dim, *, dtype=None, mask=None)",
        cases={
            f"torch.masked.{name}(x, -1, mask=x > -9)": f'tf.nn.{name}(tf.where(x > -9, x, float("-inf")), axis=-1)'
        },
    )
    def translate(call: Call) -> str:
        """What the mask leaves out has no share."""
        instead = 'float("-inf")'
        return f"tf.nn.{name}({_kept(call, instead)}{axes(call)})"


_normalized("softmax")
_normalized("log_softmax")


@rule(
    "torch.masked.mean(input, dim=None, *, keepdim=False, dtype=None, mask=None)",
    cases={
        "torch.masked.mean(x, dim=(1, 2), keepdim=True, mask=mask)": (
            "masked_mean(x, mask, axis=(1, 2), keepdims=True)"
        ),
        "torch.masked.mean(x, 1)": "tf.reduce_mean(x, axis=1)",
    },
)
def mean(call: Call) -> str:
    """Of those that the mask leaves."""
    tensor = _kept(call, "0")
    if not call.given("mask"):
        return f"tf.reduce_mean({tensor}{axes(call)})"
    return f"masked_mean({as_float(call.input)}, {as_bool(call.mask)}{axes(call)})"


def _spread(name: str) -> None:
    @rule(
        f"torch.masked.{name}(input, dim=None, unbiased=None, *, keepdim=False, dtype=None, mask=None)",
        cases={
            f"torch.masked.{name}(x, dim=(0, 2), keepdim=True, unbiased=False, mask=mask)": (
                f"masked_{name}(x, mask, axis=(0, 2), keepdims=True, correction=0)"
            ),
            f"torch.masked.{name}(x, (0, 1, 2), True, mask=mask)": f"masked_{name}(x, mask, axis=(0, 1, 2))",
        },
    )
    def translate(call: Call) -> str:
        """Of those that the mask leaves; PyTorch divides by n - 1 unless told otherwise."""
        if not call.given("mask") or call.given("dtype"):
            call.unknown("only a mask without a dtype is covered")
        biased = ", correction=0" if call.given("unbiased") and call.unbiased.value() is False else ""
        return f"masked_{name}({as_float(call.input)}, {as_bool(call.mask)}{axes(call)}{biased})"


_spread("var")
_spread("std")
