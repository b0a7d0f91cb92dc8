"""Outputs and hidden states of the TensorFlow model against PyTorch's, on several trials."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from diffcheck import TensorResult
from diffcheck.compare.metrics import NOISE_FACTOR
from diffcheck.compare.outputs import compare_flat
from diffcheck.record.values import Flattened, flatten
from porter.base.errors import UsageError
from porter.runtime.stored.tensor_source import Array
from porter.subject.inputs.trials import PAST, Trial, candidates, steps_from_cache
from porter.weights.prove.lockstep import in_turn

MAX_ERROR = 5e-5
Noise = Mapping[str, Mapping[str, float]]
Recorded = list[tuple[Trial, Flattened]]
Answer = TypeVar("Answer")


class Each(Protocol):
    """How a function is carried out for several trials."""

    def __call__(self, function: Callable[[Trial], Answer], items: Sequence[Trial]) -> list[Answer]:
        """The answers in the order of the trials."""


@dataclass(frozen=True)
class Bound:
    """The greatest absolute difference that is allowed, and PyTorch's own rounding by trial and tensor.

    Rounding is max|float32 - float64| of PyTorch itself over max(1, max|reference|). It is measured only where the
    absolute bound is passed, and then 8 times as much is allowed.
    """

    max_error: float = MAX_ERROR
    noise: Noise | None = None

    def allows(self, trial: str, tensor: TensorResult) -> bool:
        """Whether the tensor agrees: its shape, dtype, NaN and infinities, and its numbers within the bound."""
        if any(failure != "values" for failure in tensor.failures) or tensor.max_abs is None:
            return False
        rounding = self.noise.get(trial, {}).get(tensor.path, 0.0) if self.noise else 0.0
        return tensor.max_abs <= max(self.max_error, NOISE_FACTOR * rounding * max(1.0, tensor.scale))


@dataclass(frozen=True)
class TrialResult:
    """All tensors of one trial compared."""

    trial: str
    tensors: tuple[TensorResult, ...]
    bound: Bound

    @property
    def failures(self) -> tuple[TensorResult, ...]:
        """The tensors beyond the bound."""
        return tuple(tensor for tensor in self.tensors if not self.bound.allows(self.trial, tensor))


@dataclass(frozen=True)
class Verification:
    """One TensorFlow model against PyTorch on all trials."""

    results: tuple[TrialResult, ...]

    @property
    def matches(self) -> bool:
        """Whether every trial has tensors and none of them is beyond the bound."""
        return bool(self.results) and all(result.tensors and not result.failures for result in self.results)

    @property
    def may_be_rounding(self) -> bool:
        """Whether all that fails are numbers: no shape, dtype, key, NaN or infinity."""
        failures = (tensor for result in self.results for tensor in result.failures)
        return all(tensor.max_abs is not None and set(tensor.failures) <= {"values"} for tensor in failures)

    @property
    def first_failed(self) -> str:
        """The first trial with a tensor beyond the bound; the first of all where it is only that nothing compares."""
        return next((result.trial for result in self.results if result.failures), self.results[0].trial)

    def rounded(self) -> list[str]:
        """One line for each tensor beyond the admissible error that PyTorch's own rounding explains."""
        return [
            f"{result.trial}: {tensor.path} is {tensor.max_abs:.3e} off, within {NOISE_FACTOR:g} x PyTorch's rounding."
            for result in self.results
            for tensor in result.tensors
            if result.bound.noise and result.bound.allows(result.trial, tensor) and tensor.max_abs is not None
            if tensor.max_abs > result.bound.max_error
        ]

    def within(self, bound: Bound) -> Verification:
        """The same differences judged by another bound."""
        return Verification(tuple(replace(result, bound=bound) for result in self.results))

    @property
    def max_output(self) -> float | None:
        """The greatest difference of what is not a hidden state; None where no number can be given."""
        return self._greatest(hidden=False)

    @property
    def max_hidden(self) -> float | None:
        """The greatest difference of a hidden state; None where no number can be given."""
        return self._greatest(hidden=True)

    def _greatest(self, *, hidden: bool) -> float | None:
        chosen = [tensor for result in self.results for tensor in result.tensors if is_hidden(tensor.path) == hidden]
        numbers = [tensor.max_abs for tensor in chosen if tensor.max_abs is not None]
        return max(numbers, default=0.0) if len(numbers) == len(chosen) else None

    def sentences(self) -> list[str]:
        """One line for each tensor beyond the bound."""
        return [f"{result.trial}: {describe(tensor)}" for result in self.results for tensor in result.failures]


def describe(tensor: TensorResult) -> str:
    """What is wrong with a tensor; of numbers only by how much, since the bound here is another than diffcheck's."""
    if set(tensor.failures) - {"values"}:
        return tensor.sentence()
    return f"{tensor.path or 'its output'} differs by {tensor.max_abs:.3e} at {tensor.index}."


def is_hidden(path: str) -> bool:
    """Whether an output counts as hidden state, by its name: `hidden_states.3`, `encoder_last_hidden_state`."""
    return "hidden" in path.split(".")[0]


def verify(reference: Mapping[str, Flattened], tf_model: Any, trials: Sequence[Trial], bound: Bound) -> Verification:
    """Run the TensorFlow model on the trials and compare with PyTorch's recorded outputs."""
    return compared(reference, {trial.name: run_tensorflow(tf_model, trial) for trial in trials}, bound)


def compared(reference: Mapping[str, Flattened], found: Mapping[str, Flattened], bound: Bound) -> Verification:
    """TensorFlow's outputs against PyTorch's, by trial."""
    results = []
    for trial, candidate in found.items():
        comparison = compare_flat(reference[trial], candidate, tolerance=bound.max_error)
        results.append(TrialResult(trial, comparison.tensors, bound))
    return Verification(tuple(results))


def run_torch(
    model: Any, seed: int = 0, each: Each = in_turn, processed: Mapping[str, Array] | None = None
) -> Recorded:
    """The trials of this seed that PyTorch runs on, and its outputs, hidden states among them.

    Raises:
        UsageError: it runs on none, or an output of its own is NaN, so that nothing could be proven against it.
    """
    found = _runs(model, candidates(model, seed, processed), each)
    if not found:
        takes = ", ".join(sorted(inspect.signature(model.forward).parameters))
        raise UsageError(
            f"No inputs could be made for {type(model).__name__}, which takes {takes}.",
            hint="the model may need inputs of its own",
        )
    switched_off = getattr(model.config, "use_cache", None) is False  # then a cache must be asked for
    cached = [trial for trial, outputs in found if switched_off or any(p.startswith(PAST) for p in outputs.tensors)]
    found += _runs(model, steps_from_cache(cached), each)
    for trial, outputs in found:
        broken = [path for path, value in outputs.tensors.items() if _has_nan(value.array)]
        if broken:
            hint = "check the checkpoint for NaN weights"
            raise UsageError(f"PyTorch's own {broken[0]} is NaN on {trial.name}.", hint=hint)
    return found


def _runs(model: Any, trials: Sequence[Trial], each: Each) -> Recorded:
    """PyTorch's outputs on those of the trials that it runs on."""
    from porter.subject.torch_model import RUN_ERRORS

    def attempt(trial: Trial) -> Flattened | None:
        try:
            return torch_outputs(model, trial)
        except RUN_ERRORS:
            return None

    outputs = zip(trials, each(attempt, trials), strict=True)
    return [(trial, found) for trial, found in outputs if found is not None]


def torch_outputs(model: Any, trial: Trial, *, double: bool = False) -> Flattened:
    """PyTorch's outputs on one trial, after the call before it where there is one.

    With ``double`` the inputs are widened for a model that is in float64 already.
    """
    import torch

    from diffcheck.record.torch_side import widen

    def tensors(inputs: Mapping[str, Array]) -> dict[str, Any]:
        from porter.subject.inputs.variation import torch_inputs

        return torch_inputs(model, widen(inputs) if double else dict(inputs))

    with torch.no_grad():
        past = {}
        if trial.before is not None:
            past = {PAST: model(**tensors(trial.before), use_cache=True)[PAST]}
        return flatten(model(**tensors(trial.inputs), **past, **_switches(model.forward)))


def _has_nan(array: Array) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def run_tensorflow(model: Any, trial: Trial) -> Flattened:
    """The TensorFlow model's outputs, hidden states among them."""
    from diffcheck.record.tf_side import call_model

    past = {}
    if trial.before is not None:
        past = {PAST: call_model(model, {**trial.before, "use_cache": True})[PAST]}
    return flatten(call_model(model, {**trial.inputs, **past, **_switches(model.call)}))


def rounding(
    model: Any, trials: Sequence[Trial], reference: Mapping[str, Flattened], each: Each = in_turn
) -> dict[str, dict[str, float]]:
    """What float32 alone costs PyTorch against float64, by trial and tensor.

    The model is widened in place and narrowed again.
    """
    from diffcheck import noise_between
    from diffcheck.record.torch_side import in_float64

    def noise(trial: Trial) -> dict[str, float]:
        single = {path: value.array for path, value in reference[trial.name].tensors.items()}
        double = torch_outputs(model, trial, double=True)
        return noise_between(single, {path: value.array for path, value in double.tensors.items()})

    with in_float64(model):
        return dict(zip([trial.name for trial in trials], each(noise, trials), strict=True))


def _switches(function: Any) -> dict[str, Any]:
    """Ask for hidden states where they can be asked for; models of transformers 5 take the switch as keyword."""
    parameters = inspect.signature(function).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    return {"output_hidden_states": True} if takes_any or "output_hidden_states" in parameters else {}
