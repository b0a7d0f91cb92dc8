"""The dtype that PyTorch computes in where operands have several; TensorFlow promotes nothing by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from porter.facts.fact import Fact

INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
# From low to high: an operand of a higher category decides alone.
CATEGORIES = (("bool",), INTEGERS, FLOATS, COMPLEX)
# What a Python number becomes where no tensor of its category is there: PyTorch's default dtypes.
NUMBERS = {"bool": "bool", "int": "int64", "float": "float32"}


def is_float(dtype: str | None) -> bool:
    """Whether a dtype's name is that of a floating point or complex type."""
    return dtype in FLOATS or dtype in COMPLEX


def promoted_dtype(operands: Iterable[Fact | None]) -> str | None:
    """The dtype of an operation on these operands, tensors and Python numbers.

    Tensors with axes decide; those without, and after them Python numbers, count only where they are of a higher
    category, as `torch.result_type` says; complex tensors are taken to have axes. None where there is no tensor, or
    one of unknown dtype.
    """
    seen = [fact for fact in operands if fact is not None]
    tensors = [fact for fact in seen if fact.is_tensor]
    if not tensors or any(_category(fact.dtype) is None for fact in tensors):
        return None
    numbers = [NUMBERS[kind] for kind in NUMBERS if any(fact.only(kind) for fact in seen)]
    flat = any(fact.dtype in COMPLEX for fact in tensors)
    with_axes = [fact.dtype for fact in tensors if flat or fact.rank != 0]
    without = [fact.dtype for fact in tensors if not flat and fact.rank == 0]
    result: str | None = None
    for group in (with_axes, without, numbers):
        highest = _highest([dtype for dtype in group if dtype is not None])
        if result is None or (highest is not None and _rank(highest) > _rank(result)):
            result = highest
    return result


def float_of_several(operands: Iterable[Fact | None], result: Fact | None = None) -> str | None:
    """The dtype that operands come to where one of them had several dtypes in the runs, if it is surely a float.

    That is so where PyTorch's result was a float in every run, or another operand is one. None otherwise.
    """
    seen = [fact for fact in operands if fact is not None]
    if not any(fact.has_several_dtypes for fact in seen):
        return None
    tensors = [fact.dtype for fact in (result, *seen) if fact is not None and fact.is_tensor]
    numbers = [NUMBERS["float"] for fact in seen if fact.only("float")]
    return next((dtype for dtype in (*tensors, *numbers) if is_float(dtype)), None)


def _highest(dtypes: Sequence[str]) -> str | None:
    """The dtype that several promote to; two of one category that do not hold each other take the next that does."""
    if not dtypes:
        return None
    top = max(map(_rank, dtypes))
    own = {dtype for dtype in dtypes if _rank(dtype) == top}
    if {"float16", "bfloat16"} <= own:
        own.add("float32")
    if "uint8" in own and "int8" in own:
        own.add("int16")
    highest = max(own, key=CATEGORIES[top].index)
    return "complex128" if highest == "complex64" and "float64" in dtypes else highest


def _category(dtype: str | None) -> int | None:
    return next((place for place, members in enumerate(CATEGORIES) if dtype in members), None)


def _rank(dtype: str) -> int:
    found = _category(dtype)
    assert found is not None
    return found
