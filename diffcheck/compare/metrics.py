"""How far two tensors are apart, and whether that is allowed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from diffcheck.record.values import PYTHON, TensorValue

TOLERANCE = 1e-5
"""Allowed distance in float32, times max(1, max|reference|)."""
EXACT = 2e-8
"""Relative difference in float64 up to which values are equal: constants that stay float32 leave about 5e-9."""
NOISE_FACTOR = 8.0
"""Where the reference's own rounding noise is larger than the tolerance, this multiple of it is allowed."""

_NEAR_INFINITE = 1e30

Failure = Literal["missing", "unexpected", "shape", "dtype", "nan", "inf", "values"]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Bound:
    """What is allowed: ``max(tolerance, 8 * noise) * max(floor, max|reference|)``.

    ``noise`` is the reference's float32 rounding, measured against its own float64 run, in the same unit. ``floor`` is
    the size below which numbers count as small; it is 1 for outputs.
    """

    tolerance: float = TOLERANCE
    noise: float = 0.0
    floor: float = 1.0

    @property
    def relative(self) -> float:
        """The bound before it is multiplied by the scale of the reference."""
        return max(self.tolerance, NOISE_FACTOR * self.noise)

    @property
    def widened(self) -> bool:
        """Whether noise, not the tolerance, decides."""
        return NOISE_FACTOR * self.noise > self.tolerance

    def allowed(self, scale: float) -> float:
        """The distance that is allowed where the greatest number of the reference is ``scale``."""
        return self.relative * max(self.floor, scale)


@dataclass(frozen=True)
class TensorResult:
    """One tensor of the candidate against the reference. ``max_abs`` is None where no number can be given."""

    path: str
    failures: tuple[Failure, ...]
    allowed: float
    max_abs: float | None = None
    scale: float = 1.0
    index: tuple[int, ...] | None = None
    reference: float | None = None
    candidate: float | None = None
    differing: int = 0
    size: int = 0
    shapes: tuple[tuple[int, ...] | None, tuple[int, ...] | None] = (None, None)
    dtypes: tuple[str | None, str | None] = (None, None)
    nonfinite: tuple[int, int] = (0, 0)
    noise: float = 0.0
    widened: bool = False

    @property
    def matches(self) -> bool:
        """No failure of any kind."""
        return not self.failures

    @property
    def relative(self) -> float:
        """``max_abs`` over the reference's scale; infinite where shapes, NaN or Inf differ."""
        if any(failure not in ("values", "dtype") for failure in self.failures) or self.max_abs is None:
            return 0.0 if self.matches else float("inf")
        return self.max_abs / self.scale

    def sentence(self) -> str:
        """What differs, where and by how much, in one or two sentences."""
        name = self.path or "its output"
        if self.matches:
            greatest = "" if self.max_abs is None else f"; greatest difference {self.max_abs:.1e}"
            return f"{name} matches{greatest}, {self._allowance()}."
        return f"{name} differs: " + "; ".join(self._reason(failure) for failure in self.failures) + "."

    def _reason(self, failure: Failure) -> str:
        match failure:
            case "missing":
                return f"missing from the candidate (the reference has shape {self.shapes[0]})"
            case "unexpected":
                return f"not in the reference (the candidate has shape {self.shapes[1]})"
            case "shape":
                return f"shape {self.shapes[1]}, expected {self.shapes[0]}"
            case "dtype":
                return f"dtype {self.dtypes[1]}, expected {self.dtypes[0]}"
            case "nan" | "inf":
                label = "NaN" if failure == "nan" else "Inf"
                counts = f"(not finite: reference {self.nonfinite[0]}, candidate {self.nonfinite[1]} elements)"
                return f"{label} at other places {counts}, first at {self.index}"
            case "values":
                share = 100.0 * self.differing / max(1, self.size)
                return (
                    f"{self.differing} of {self.size} elements ({share:.1f} %); greatest {self.max_abs:.1e} at "
                    f"{self.index} (expected {self.reference:.7g}, got {self.candidate:.7g}), {self._allowance()}"
                )

    def _allowance(self) -> str:
        text = f"{self.allowed:.1e} allowed"
        return f"{text} (8 x the reference's own rounding)" if self.widened else text


def compare_tensors(
    path: str, reference: TensorValue, candidate: TensorValue, bound: Bound, check_dtype: bool = True
) -> TensorResult:
    """Compare one tensor. Whole numbers and booleans have to be equal; shapes are never broadcast.

    A scalar is the same as a vector of one element: Keras' losses keep an axis that PyTorch's do not.
    """
    if {reference.array.shape, candidate.array.shape} == {(), (1,)}:
        candidate = replace(candidate, array=candidate.array.reshape(reference.array.shape))
    expected, actual = reference.array, candidate.array
    dtypes = (reference.dtype, candidate.dtype)
    failures: list[Failure] = []
    if check_dtype and PYTHON not in dtypes and dtypes[0] != dtypes[1]:
        failures.append("dtype")
    shapes = (expected.shape, actual.shape)
    if expected.shape != actual.shape:
        return TensorResult(path, ("shape", *failures), 0.0, size=expected.size, shapes=shapes, dtypes=dtypes)
    plain = _plain(path, reference, candidate, bound, tuple(failures))
    if plain is not None:
        return plain
    exact = expected.dtype.kind in "biu"
    scale = 1.0 if exact else scale_of(expected)
    allowed = 0.0 if exact else bound.allowed(scale)
    counts = (int(np.sum(~np.isfinite(expected))), int(np.sum(~np.isfinite(actual))))
    odd = _other_nonfinite(expected, actual) if any(counts) else None
    if odd is not None:
        kind, index = odd
        failures.insert(0, kind)
        return TensorResult(
            path, tuple(failures), allowed, None, scale, index, size=expected.size, shapes=shapes, dtypes=dtypes,
            nonfinite=counts, differing=int(np.sum(~_same(expected, actual))), widened=not exact and bound.widened,
        )  # fmt: skip
    distance = _distance(expected, actual)
    worst = int(np.argmax(distance)) if distance.size else 0
    greatest = float(distance.flat[worst]) if distance.size else 0.0
    if greatest > allowed:
        failures.append("values")
    return TensorResult(
        path, tuple(failures), allowed, greatest, scale,
        tuple(int(i) for i in np.unravel_index(worst, expected.shape)) if distance.size else None,
        _number(expected, worst), _number(actual, worst), int(np.sum(distance > allowed)), expected.size,
        shapes, dtypes, counts, bound.noise, not exact and bound.widened,
    )  # fmt: skip


def _plain(
    path: str, reference: TensorValue, candidate: TensorValue, bound: Bound, failures: tuple[Failure, ...]
) -> TensorResult | None:
    """The usual case in few passes over the memory: two tensors of one float type, finite and without fill values."""
    expected, actual = reference.array, candidate.array
    if expected.dtype != actual.dtype or expected.dtype not in (np.float32, np.float64) or not expected.size:
        return None
    scale = float(max(expected.max(), -expected.min()))
    if not scale < _NEAR_INFINITE:
        return None
    distance = np.empty(expected.shape, expected.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        np.subtract(expected, actual, out=distance)
    np.abs(distance, out=distance)
    worst = int(np.argmax(distance))
    first, second = _number(expected, worst), _number(actual, worst)
    assert first is not None and second is not None
    greatest = abs(first - second)
    if not math.isfinite(greatest):
        return None
    scale = scale or 1.0
    allowed = bound.allowed(scale)
    differing = int(np.count_nonzero(distance > allowed)) if greatest > allowed else 0
    return TensorResult(
        path, (*failures, "values") if greatest > allowed else failures, allowed, greatest, scale,
        tuple(int(i) for i in np.unravel_index(worst, expected.shape)), first, second, differing, expected.size,
        (expected.shape, actual.shape), (reference.dtype, candidate.dtype), (0, 0), bound.noise, bound.widened,
    )  # fmt: skip


def scale_of(array: Array) -> float:
    """max|array| over finite elements, without the near-infinite fill values of masks; 1 for an empty one."""
    if array.dtype.kind in "biu" or not array.size:
        return 1.0
    magnitude = np.abs(array)
    magnitude = magnitude[np.isfinite(magnitude) & (magnitude < _NEAR_INFINITE)]
    return float(magnitude.max()) if magnitude.size and magnitude.max() > 0 else 1.0


def _distance(expected: Array, actual: Array) -> Array:
    if expected.dtype.kind in "bui" and actual.dtype.kind in "bui":
        return np.abs(expected.astype(np.int64) - actual.astype(np.int64))
    wide = np.complex128 if "c" in (expected.dtype.kind, actual.dtype.kind) else np.float64
    with np.errstate(invalid="ignore"):
        distance = np.abs(expected.astype(wide) - actual.astype(wide))
    return np.where(np.isnan(distance), 0.0, distance)


def _other_nonfinite(expected: Array, actual: Array) -> tuple[Failure, tuple[int, ...]] | None:
    nan = np.isnan(expected) != np.isnan(actual)
    if nan.any():
        return "nan", tuple(int(i) for i in np.argwhere(nan)[0])
    infinite = (np.isinf(expected) | np.isinf(actual)) & (expected != actual)
    return ("inf", tuple(int(i) for i in np.argwhere(infinite)[0])) if infinite.any() else None


def _same(expected: Array, actual: Array) -> Array:
    return np.asarray((expected == actual) | (np.isnan(expected) & np.isnan(actual)))


def _number(array: Array, position: int) -> float | None:
    return float(np.real(array.flat[position])) if array.size else None
