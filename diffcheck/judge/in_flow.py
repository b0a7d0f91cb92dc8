"""Calls of modules in flow: each against its partner's, both given what the models themselves computed until then."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from diffcheck.compare.align import compare_modules
from diffcheck.compare.metrics import Bound
from diffcheck.compare.outputs import Comparison
from diffcheck.compare.pair import Pairing
from diffcheck.record.recording import ModuleCall, Recording, flat_arguments
from diffcheck.record.values import Flattened


@dataclass(frozen=True)
class CallComparison:
    """What went into a call of a module and of its partner, and what came out."""

    inputs: Comparison
    output: Comparison

    @property
    def starts_here(self) -> bool:
        """Whether the outputs differ and the inputs do not."""
        return not self.output.matches and self.inputs.matches

    @property
    def amplification(self) -> float | None:
        """Relative error out over relative error in; None where there is none to divide by, or no number."""
        if not 0 < self.inputs.relative < math.inf or not self.output.relative < math.inf:
            return None
        return self.output.relative / self.inputs.relative


Flow = Mapping[str, Mapping[int, CallComparison]]
"""The comparisons of each of the reference's modules, by the number of the call."""


class Comparer:
    """Compares the candidate's calls with the reference's as they end, so that their tensors need not be kept."""

    def __init__(self, reference: Recording, pairing: Pairing, bound: Bound) -> None:
        self.flow: dict[str, dict[int, CallComparison]] = {}
        self._bound = bound
        self._calls = reference.by_path()
        self._partners: dict[str, list[str]] = {}
        for path, other in pairing.modules.items():
            self._partners.setdefault(other, []).append(path)

    def __call__(self, call: ModuleCall) -> ModuleCall:
        """Compare one call; what comes back says only that it was."""
        for path in self._partners.get(call.path, ()):
            calls = self._calls.get(path, [])
            if call.number < len(calls):
                self.flow.setdefault(path, {})[call.number] = self._compared(calls[call.number], call)
        return replace(call, arguments={}, output=Flattened({}))

    def _compared(self, expected: ModuleCall, actual: ModuleCall) -> CallComparison:
        given, own = (Flattened(flat_arguments(call.arguments)) for call in (expected, actual))
        return CallComparison(
            compare_modules(given, own, self._bound), compare_modules(expected.output, actual.output, self._bound)
        )


def flow_of(reference: Recording, candidate: Recording, pairing: Pairing, bound: Bound) -> Flow:
    """The comparisons of two recordings that hold their tensors."""
    compare = Comparer(reference, pairing, bound)
    for call in candidate.calls:
        compare(call)
    return compare.flow
