"""Compare two nested outputs, tensor by tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from diffcheck.compare.metrics import TOLERANCE, Bound, TensorResult, compare_tensors, scale_of
from diffcheck.record.legacy_caches import in_form_of
from diffcheck.record.values import Flattened, TensorValue, flatten


@dataclass(frozen=True)
class Comparison:
    """Every tensor of two nested outputs compared, and the names of what was not."""

    tensors: tuple[TensorResult, ...]
    skipped: tuple[str, ...] = ()

    @property
    def matches(self) -> bool:
        """At least one tensor was compared and none differs."""
        return bool(self.tensors) and all(tensor.matches for tensor in self.tensors)

    @property
    def failures(self) -> tuple[TensorResult, ...]:
        """The tensors that differ, in output order."""
        return tuple(tensor for tensor in self.tensors if not tensor.matches)

    @property
    def max_abs(self) -> float | None:
        """The greatest absolute difference; None if a tensor's shape, NaN or Inf allow no number."""
        numbers = [tensor.max_abs for tensor in self.tensors]
        if not numbers or any(number is None for number in numbers):
            return None
        return max(number for number in numbers if number is not None)

    @property
    def worst(self) -> TensorResult | None:
        """The tensor with the greatest relative difference, failures first."""
        return max(self.tensors, key=lambda result: (not result.matches, result.relative), default=None)

    @property
    def relative(self) -> float:
        """The greatest difference over the scale of its reference; infinite where no number can be given."""
        return max((tensor.relative for tensor in self.tensors), default=0.0)

    def sentence(self) -> str:
        """One line per tensor that differs, or one line that all match."""
        if not self.tensors:
            return "no tensor was compared."
        if self.matches:
            worst = self.worst
            assert worst is not None
            if len(self.tensors) == 1:
                return worst.sentence()
            return f"{len(self.tensors)} tensors match; closest to its bound: {worst.sentence()}"
        return "\n".join(result.sentence() for result in self.failures)


def compare(
    reference: object,
    candidate: object,
    *,
    tolerance: float = TOLERANCE,
    noise: float | Mapping[str, float] | None = None,
    skip: Sequence[str] = (),
    check_dtype: bool = True,
) -> Comparison:
    """Compare nested outputs of any two frameworks: dicts, output classes, tuples, caches, tensors.

    ``noise`` is the reference's rounding in units of max(1, max|reference|), for all tensors or by path (see
    :func:`noise_between`). ``skip`` names outputs, by path or by first part of it, that are not compared; they
    are listed in ``Comparison.skipped``. A plain tuple against named outputs is compared by position.
    """
    expected, actual = flatten(reference), flatten(candidate)
    if isinstance(candidate, tuple | list) and isinstance(reference, Mapping):
        expected = flatten(_by_position(reference))
    elif isinstance(reference, tuple | list) and isinstance(candidate, Mapping):
        actual = flatten(_by_position(candidate))
    return compare_flat(expected, actual, tolerance=tolerance, noise=noise, skip=skip, check_dtype=check_dtype)


def compare_flat(
    expected: Flattened,
    actual: Flattened,
    *,
    tolerance: float | Bound = TOLERANCE,
    noise: float | Mapping[str, float] | None = None,
    skip: Sequence[str] = (),
    check_dtype: bool = True,
) -> Comparison:
    """As :func:`compare`, on values that are already flat; of a :class:`Bound` all but the noise is taken."""
    actual = in_form_of(expected, actual)
    quiet = tolerance if isinstance(tolerance, Bound) else Bound(tolerance)
    results: list[TensorResult] = []
    skipped = [*dict.fromkeys((*expected.skipped, *actual.skipped))]
    for path in dict.fromkeys((*expected.tensors, *actual.tensors)):
        if any(path == name or path.startswith(f"{name}.") for name in skip):
            skipped.append(path)
            continue
        bound = replace(quiet, noise=noise.get(path, 0.0) if isinstance(noise, Mapping) else noise or 0.0)
        results.append(_result(path, expected.tensors.get(path), actual.tensors.get(path), bound, check_dtype))
    return Comparison(tuple(results), tuple(skipped))


def noise_between(single: object, double: object, floor: float = 1.0) -> dict[str, float]:
    """The rounding noise per tensor: max|float32 - float64| over max(floor, max|float64|), of one model's outputs."""
    low, high = flatten(single), flatten(double)
    return {
        path: _noise(tensor, high.tensors[path], floor)
        for path, tensor in low.tensors.items()
        if path in high.tensors and tensor.array.dtype.kind == "f"
    }


def _noise(single: TensorValue, double: TensorValue, floor: float) -> float:
    if single.array.shape != double.array.shape or not single.array.size:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.abs(single.array.astype(np.float64) - double.array.astype(np.float64))
    # The fill values of masks (the least float of each dtype) are not rounding.
    distance = distance[np.isfinite(distance) & (np.abs(single.array) < 1e30)]
    return float(distance.max()) / max(floor, scale_of(double.array)) if distance.size else 0.0


def _result(
    path: str, expected: TensorValue | None, actual: TensorValue | None, bound: Bound, check_dtype: bool
) -> TensorResult:
    if expected is not None and actual is not None:
        return compare_tensors(path, expected, actual, bound, check_dtype)
    present = expected or actual
    assert present is not None
    shapes = (expected.array.shape if expected else None, actual.array.shape if actual else None)
    return TensorResult(
        path, ("unexpected",) if expected is None else ("missing",), 0.0, size=present.array.size, shapes=shapes
    )


def _by_position(outputs: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(value for value in outputs.values() if value is not None)
