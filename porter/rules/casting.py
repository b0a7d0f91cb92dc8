"""Casts that write out what PyTorch promotes by itself."""

from __future__ import annotations

from porter.facts import Fact
from porter.facts.promotion import float_of_several, is_float, promoted_dtype
from porter.rulebook.call import Arg, Call


def cast(arg: Arg, dtype: str) -> str:
    """The argument's code, cast if it is a tensor seen with another dtype, or with several."""
    is_other = arg.fact is not None and arg.fact.is_tensor and arg.fact.dtype not in (None, dtype)
    if is_other or (arg.fact is not None and arg.fact.has_several_dtypes):
        return f"tf.cast({arg.node_code}, tf.{dtype})"
    return arg.node_code


def cast_to(tensor: Arg, dtype: str) -> str:
    """The cast; integers and booleans that have the dtype already need none, nor does a tensor to its own."""
    if dtype == f"{tensor.node_code}.dtype":
        return tensor.node_code
    seen = tensor.fact.dtype if tensor.is_a("tensor") and tensor.fact is not None else None
    if seen is not None and "float" not in seen and dtype == f"tf.{seen}":
        return tensor.node_code
    return f"tf.cast({tensor.node_code}, {dtype})"


def as_float(arg: Arg) -> str:
    """The argument's code, cast to float32 if it holds integers or booleans, in every run or in some."""
    seen = tensor_dtype(arg.fact)
    if (seen is not None and not is_float(seen)) or (arg.fact is not None and arg.fact.has_several_dtypes):
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
    facts = [arg.fact for arg in args]
    wanted = promoted_dtype(facts) or float_of_several(facts, call.result)
    return tuple(arg.node_code if wanted is None else cast(arg, wanted) for arg in args)


def operands(call: Call, *args: Arg) -> tuple[str, ...]:
    """Like `promoted`, with parentheses where an operator beside a code could tear it apart."""
    return tuple(
        str(arg) if code == arg.node_code else code for arg, code in zip(args, promoted(call, *args), strict=True)
    )


def tensor_dtype(fact: Fact | None) -> str | None:
    """The dtype of a tensor that was seen; None for anything else."""
    return fact.dtype if fact is not None and fact.is_tensor else None
