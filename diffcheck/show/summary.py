"""What the values around a wrong statement look like: a few figures per tensor, in place of its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from diffcheck.compare.align import align
from diffcheck.compare.metrics import scale_of
from diffcheck.record.values import PYTHON, Flattened, TensorValue

Role = Literal["out", "in"]
HEADER = ("", "", "shape", "min", "max", "mean", "std", "zeros", "NaN, Inf")
MOST = 6
"""Rows of inputs that are kept."""


@dataclass(frozen=True)
class Summary:
    """A tensor in figures: over its finite elements, with the share of zeros and the number of those not finite."""

    shape: tuple[int, ...]
    dtype: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    zeros: float
    nonfinite: int

    def cells(self) -> tuple[str, ...]:
        """The figures as text."""
        # A mean of what is centred on zero is rounding: its digits say nothing.
        dust = 1e-7 * max(abs(self.minimum or 0.0), abs(self.maximum or 0.0))
        numbers = [n if n is None or abs(n) > dust else 0.0 for n in (self.minimum, self.maximum, self.mean, self.std)]
        shape = f"({', '.join(map(str, self.shape))})"
        return (shape, *("" if n is None else f"{n:.6g}" for n in numbers), f"{self.zeros:.0%}", str(self.nonfinite))


@dataclass(frozen=True)
class Values:
    """One variable on both sides. What goes in is equal on both where only PyTorch's is given."""

    role: Role
    name: str
    torch: Summary | None
    tf: Summary | None

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        sides = {"torch": self.torch and asdict(self.torch), "tf": self.tf and asdict(self.tf)}
        return {"role": self.role, "name": self.name, **sides}


def summarise(value: TensorValue) -> Summary:
    """The figures of one tensor; complex numbers by their magnitude."""
    array = np.abs(value.array) if value.array.dtype.kind == "c" else value.array
    numbers = array.astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    known = (finite.min(), finite.max(), finite.mean(), finite.std()) if finite.size else (None,) * 4
    minimum, maximum, mean, std = (None if number is None else float(f"{number:.9g}") for number in known)
    zeros = float(np.mean(numbers == 0)) if numbers.size else 0.0
    return Summary(array.shape, value.dtype, minimum, maximum, mean, std, zeros, int(numbers.size - finite.size))


def results(name: str, expected: Flattened, actual: Flattened | None) -> list[Values]:
    """The tensor that differs most; PyTorch's first one where the other side has none."""
    if actual is None:
        return [Values("out", name, summarise(value), None) for value in list(expected.tensors.values())[:1]]
    pairs = [
        (expected.tensors[path], actual.tensors[other]) for path, other in align(expected.tensors, actual.tensors)
    ]
    worst = max(pairs, key=lambda pair: _distance(*pair), default=None)
    return [] if worst is None else [Values("out", name, summarise(worst[0]), summarise(worst[1]))]


def inputs(values: Mapping[str, TensorValue]) -> list[Values]:
    """What both sides were given, tensors only."""
    shown = [(name, value) for name, value in values.items() if value.dtype != PYTHON and value.array.size]
    return [Values("in", name, summarise(value), None) for name, value in shown[:MOST]]


def lines(values: Iterable[Values], candidate: str) -> list[str]:
    """An aligned table with a header; nothing of no values."""
    rows = [HEADER, *_rows(values, candidate)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    texts = [
        "  ".join(
            cell.ljust(width) if n < 2 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return [text.rstrip() for text in texts] if len(rows) > 1 else []


def _rows(values: Iterable[Values], candidate: str) -> Iterator[tuple[str, ...]]:
    for value in values:
        both = value.role == "in" and value.tf is None
        if value.torch:
            yield f"{value.role} {value.name}", "both" if both else "PyTorch", *value.torch.cells()
        if value.tf:
            yield "" if value.torch else f"{value.role} {value.name}", candidate, *value.tf.cells()


def _distance(expected: TensorValue, actual: TensorValue) -> float:
    if expected.array.shape != actual.array.shape or not expected.array.size:
        return float("inf")
    with np.errstate(all="ignore"):
        apart = np.abs(expected.array.astype(np.float64) - actual.array.astype(np.float64)) / scale_of(expected.array)
    return float(np.nan_to_num(apart, nan=np.inf).max())
