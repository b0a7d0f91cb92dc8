"""Casts that write out what PyTorch promotes by itself."""

from __future__ import annotations

from porter.facts import Fact
from porter.rulebook.call import Arg, Call

_ORDER = ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64")


def is_float(dtype: str | None) -> bool:
    """Whether a dtype's name is that of a floating point or complex type."""
    return dtype is not None and ("float" in dtype or "complex" in dtype)


def cast(arg: Arg, dtype: str) -> str:
    """The argument's code, cast if it is a tensor seen with another dtype."""
    if arg.is_a("tensor") and arg.fact is not None and arg.fact.dtype not in (None, dtype):
        return f"tf.cast({arg.node_code}, tf.{dtype})"
    return arg.node_code


def as_float(arg: Arg) -> str:
    """The argument's code, cast to float32 if it holds integers or booleans."""
    if arg.is_a("tensor") and arg.fact is not None and arg.fact.dtype is not None and not is_float(arg.fact.dtype):
        return f"tf.cast({arg.node_code}, tf.float32)"
    return arg.node_code


def float_operand(arg: Arg) -> str:
    """Like `as_float`, safe beside an operator."""
    code = as_float(arg)
    return str(arg) if code == arg.node_code else code


def as_bool(arg: Arg) -> str:
    """The argument's code, cast to bool if it holds numbers."""
    return cast(arg, "bool")


def promoted(call: Call, *args: Arg) -> tuple[str, ...]:
    """The arguments' codes, tensors of different dtypes brought to the one that PyTorch computes in."""
    dtypes = {arg.fact.dtype for arg in args if arg.fact is not None and arg.fact.is_tensor}
    numbers = [arg for arg in args if arg.fact is not None and arg.fact.only("float")]
    wanted = common_dtype(dtypes)
    if wanted is not None and numbers and not is_float(wanted):
        wanted = "float32"
    return tuple(arg.node_code if wanted is None else cast(arg, wanted) for arg in args)


def operands(call: Call, *args: Arg) -> tuple[str, ...]:
    """Like `promoted`, with parentheses where an operator beside a code could tear it apart."""
    return tuple(
        str(arg) if code == arg.node_code else code for arg, code in zip(args, promoted(call, *args), strict=True)
    )


def common_dtype(dtypes: set[str | None]) -> str | None:
    """The highest dtype; None when one of them is not known."""
    if not dtypes or None in dtypes or not dtypes <= set(_ORDER):
        return None
    return max((dtype for dtype in dtypes if dtype is not None), key=_ORDER.index)


def tensor_dtype(fact: Fact | None) -> str | None:
    """The dtype of a tensor that was seen; None for anything else."""
    return fact.dtype if fact is not None and fact.is_tensor else None
