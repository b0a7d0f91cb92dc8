"""What was found, as frozen values, as JSON and as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from diffcheck.compare.metrics import EXACT
from diffcheck.compare.outputs import Comparison
from diffcheck.compare.pair import NEVER_LOADED, Unpaired
from diffcheck.record.recording import Crash
from diffcheck.show import summary
from diffcheck.show.backward import Backward
from diffcheck.show.summary import Values

Verdict = Literal["origin", "amplifies", "carries", "clean", "unpaired"]
SCHEMA = 1


@dataclass(frozen=True)
class Place:
    """A line of a source file and its text; line 0 of a file that has no lines."""

    file: str
    line: int
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class DoubleRun:
    """A module alone in float64 on both sides: a bug keeps its relative size, rounding shrinks a thousandfold.

    Up to ``exact`` both sides are equal.
    """

    single: float
    double: float | None
    problem: str = ""
    exact: float = EXACT

    @property
    def is_bug(self) -> bool | None:
        """Whether the difference stayed; None if the module could not run in float64."""
        return None if self.double is None else self.double >= max(self.exact, 0.1 * self.single)

    @property
    def figures(self) -> str:
        """Both differences in words."""
        return f"{self.single:.1e} became {self.double:.1e}, relative"


@dataclass(frozen=True)
class ModuleResult:
    """One PyTorch module: compared in flow, and alone on PyTorch's inputs."""

    path: str
    tf_path: str | None
    class_name: str
    verdict: Verdict
    in_flow: Comparison | None = None
    alone: Comparison | None = None
    amplification: float | None = None
    float64: DoubleRun | None = None
    reason: str = ""
    worst_call: int = 0
    crash: Crash | None = None
    torch: Place | None = None
    tf: Place | None = None


@dataclass(frozen=True)
class WeightResult:
    """A parameter whose values differ between the models."""

    name: str
    tf_name: str
    comparison: Comparison


@dataclass(frozen=True)
class HeatMap:
    """The relative error over the worst tensor, greatest per cell: rows by columns; ``shape`` is the tensor's."""

    path: str
    shape: tuple[int, ...]
    cells: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Origin:
    """The first module that differs by itself, and as far as it could be found the statement and the cause."""

    path: str
    torch: Place | None
    tf: Place | None
    cause: str | None = None
    statement: str = ""
    heat: HeatMap | None = None
    values: tuple[Values, ...] = ()


@dataclass(frozen=True)
class Variation:
    """Outputs on other inputs (another length, a step from the cache): compared as a whole, not by module.

    `on_real` are the outputs that differ where nothing is padded.
    """

    name: str
    outputs: Comparison
    crash: Crash | None = None
    on_real: frozenset[str] = frozenset()

    @property
    def matches(self) -> bool:
        """All outputs within their bounds, on padded positions aside."""
        return self.crash is None and (self.outputs.matches or self._on_padded)

    @property
    def _on_padded(self) -> bool:
        """Whether outputs differ, and all of them on padded positions only."""
        return bool(self.outputs.failures) and not self.on_real

    def sentence(self) -> str:
        """The result in words."""
        if self.crash:
            place = f" at {self.crash.file}:{self.crash.line}" if self.crash.file else ""
            return f"{self.name}: stopped{place}: {self.crash.message}"
        where = ", on padded positions only" if self._on_padded else ""
        return f"{self.name}{where}: {self.outputs.sentence()}"


@dataclass(frozen=True)
class Report:
    """The result of one comparison of two models; ``sources`` are files that recordings carry, by name."""

    outputs: Comparison
    modules: tuple[ModuleResult, ...]
    origin: Origin | None
    weights: tuple[WeightResult, ...] = ()
    unpaired: tuple[Unpaired, ...] = ()
    crash: Crash | None = None
    notes: tuple[str, ...] = ()
    backward: tuple[Backward, ...] = ()
    variations: tuple[Variation, ...] = ()
    candidate: str = "TensorFlow"
    float64: DoubleRun | None = None
    interrupted: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def matches(self) -> bool:
        """All outputs within their bounds, all paired weights equal, no module wrong by itself, gradients equal."""
        forward = (
            self.outputs.matches
            and not self.interrupted
            and self.origin is None
            and self.crash is None
            and not self.weights
        )
        others = all(variation.matches for variation in self.variations)
        exact = self.float64 is None or not self.float64.is_bug
        return forward and exact and others and all(backward.matches for backward in self.backward)

    @property
    def max_abs(self) -> float | None:
        """The greatest absolute difference of the model's outputs."""
        return self.outputs.max_abs

    def to_json(self) -> dict[str, Any]:
        """The report as plain values; ``schema`` changes when a key changes its meaning."""
        return {
            "schema": SCHEMA,
            "candidate": self.candidate,
            "interrupted": self.interrupted,
            "matches": self.matches,
            "max_abs": self.max_abs,
            "origin": self.origin and _origin_json(self.origin),
            "float64": self.float64 and _double_json(self.float64),
            "modules": [_module_json(module) for module in self.modules],
            "weights": [
                {"name": weight.name, "tf_name": weight.tf_name, "max_abs": weight.comparison.max_abs}
                for weight in self.weights
            ],
            "outputs": [
                {"path": t.path, "ok": t.matches, "max_abs": t.max_abs, "allowed": t.allowed, "noise": t.noise}
                for t in self.outputs.tensors
            ],
            "unpaired": [{"side": item.side, "path": item.path, "reason": item.reason} for item in self.unpaired],
            "crash": self.crash and {"message": self.crash.message, "file": self.crash.file, "line": self.crash.line},
            "notes": list(self.notes),
            "variations": [
                {"name": v.name, "matches": v.matches, "max_abs": v.outputs.max_abs} for v in self.variations
            ],
            "backward": [_backward_json(backward) for backward in self.backward],
        }

    def table(self) -> list[tuple[str, ...]]:
        """Rows of text with a header: module, in flow, alone, amplification, verdict, worst element."""
        rows: list[tuple[str, ...]] = [("module", "in flow", "alone", "out/in", "verdict", "worst element")]
        for module in self.modules:
            worst = module.in_flow.worst if module.in_flow else None
            index = str(worst.index) if worst and worst.index is not None else ""
            amplification = "" if module.amplification is None else f"{module.amplification:.1f}"
            rows.append(
                (
                    module.path or "(model)",
                    number_text(module.in_flow),
                    number_text(module.alone),
                    amplification,
                    module.verdict,
                    index,
                )
            )
        return rows

    def sentences(self, figures: bool = True) -> list[str]:
        """The result in words: weights first, then outputs, then the culprit, with its values' ``figures``."""
        empty = [] if self.matches else [each for each in self.unpaired if NEVER_LOADED in each.reason]
        lines = [f"{each.path} was {each.reason}." for each in empty]
        lines += [f"weight {w.comparison.sentence()}" for w in self.weights[:10]]
        if len(self.weights) > 10:
            lines.append(f"and {len(self.weights) - 10} more weights differ.")
        lines += self.notes
        if self.crash:
            lines.append(_crash_sentence(self.crash, self.candidate))
        lines.append(self.outputs.sentence())
        lines += _whole_sentences(self.float64)
        if self.origin:
            lines += _origin_sentences(self.origin, self.modules, self.candidate)
            lines += [f"  {line}" for line in summary.lines(self.origin.values, self.candidate) if figures]
        for backward in self.backward:
            lines += backward.sentences()
        lines += [variation.sentence() for variation in self.variations]
        return lines


def number_text(comparison: Comparison | None) -> str:
    """One cell of the table: the greatest difference, or what kind of failure allows none."""
    if comparison is None or not comparison.tensors:
        return ""
    if comparison.max_abs is not None:
        return f"{comparison.max_abs:.1e}"
    kinds = dict.fromkeys(failure for tensor in comparison.failures for failure in tensor.failures)
    return ",".join(kinds)


def _crash_sentence(crash: Crash, candidate: str) -> str:
    place = f" at {Place(crash.file, crash.line)}" if crash.file else ""
    stopped = "could not be loaded" if crash.loading else f"stopped in {crash.module or 'the model'}"
    return f"the {candidate} model {stopped}{place}: {crash.message}"


def _whole_sentences(run: DoubleRun | None) -> list[str]:
    if run is None:
        return []
    if run.double is None:
        return [f"the whole model could not be run in float64: {run.problem}"]
    verdict = "the difference stays: a bug, not rounding" if run.is_bug else "the difference goes: rounding, no bug"
    return [f"in float64, with the whole model, {verdict} ({run.figures})."]


def _double_json(run: DoubleRun) -> dict[str, Any]:
    return {"float32": run.single, "float64": run.double, "is_bug": run.is_bug}


def _origin_sentences(origin: Origin, modules: Iterable[ModuleResult], candidate: str) -> list[str]:
    found = next(module for module in modules if module.path == origin.path)
    where = str(origin.tf or "its file is unknown")
    lines = [f"{origin.path or 'the model'} differs by itself, on PyTorch's own inputs: {where}"]
    if found.crash:
        lines.append(f"  alone it stops: {found.crash.message}")
    if found.alone and found.alone.failures:
        lines.append("  " + found.alone.sentence().replace("\n", "\n  "))
    if found.float64 and found.float64.double is not None:
        lines.append(f"  in float64 the difference stays ({found.float64.figures}): a bug, not rounding.")
    if found.float64 and found.float64.problem:
        lines.append(f"  it could not be rerun in float64: {found.float64.problem}")
    for label, place in (("PyTorch", origin.torch), (candidate, origin.tf)):
        if place and place.text:
            lines.append(f"  {label:<10} {place}: {place.text.strip()}")
    if origin.statement:
        lines.append(f"  {origin.statement}")
    if origin.cause:
        lines.append(f"  cause: {origin.cause}")
    return lines


def _origin_json(origin: Origin) -> dict[str, Any]:
    return {
        "path": origin.path,
        "tf_file": origin.tf and origin.tf.file,
        "tf_line": origin.tf and origin.tf.line,
        "torch_file": origin.torch and origin.torch.file,
        "torch_line": origin.torch and origin.torch.line,
        "cause": origin.cause,
        "values": [value.to_json() for value in origin.values],
    }


def _backward_json(backward: Backward) -> dict[str, Any]:
    parts = {"loss": backward.loss, "gradients": backward.gradients, "statistics": backward.statistics}
    return {
        "training": backward.training,
        "matches": backward.matches,
        **{
            name: [{"path": t.path, "ok": t.matches, "max_abs": t.max_abs} for t in part.tensors]
            for name, part in parts.items()
        },
        "unexercised": list(backward.unexercised),
    }


def _module_json(module: ModuleResult) -> dict[str, Any]:
    worst = module.in_flow.worst if module.in_flow else None
    failures = {
        failure for side in (module.in_flow, module.alone) if side for t in side.failures for failure in t.failures
    }
    double = module.float64
    return {
        "path": module.path,
        "tf_path": module.tf_path,
        "in_flow": module.in_flow and module.in_flow.max_abs,
        "alone": module.alone and module.alone.max_abs,
        "verdict": module.verdict,
        "amplification": module.amplification,
        "float64": double and _double_json(double),
        "shape": "shape" in failures,
        "dtype": "dtype" in failures,
        "nonfinite": bool(failures & {"nan", "inf"}),
        "index": list(worst.index) if worst and worst.index is not None else None,
        "reason": module.reason,
    }
