"""The one comparison of a written file with PyTorch: the same that `porter diff --candidate` makes."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from porter.base import console
from porter.export.declaration import Piece
from porter.export.parts import giving_cache
from porter.subject.inputs.arrays import Array
from porter.subject.inputs.trials import Trial
from porter.subject.torch_model import RUN_ERRORS

if TYPE_CHECKING:
    from diffcheck import Comparison, Report
    from diffcheck.exported import Graph
    from diffcheck.record.storage import Stored

RUNS = 5
LOSS = 0.5
"""A quantized file is off on purpose: the root mean square of its error may be this share of PyTorch's values'."""
ANY = float("inf")
LARGEST = 0.99
"""The largest tolerance that `porter diff` takes."""


@dataclass(frozen=True)
class Compared:
    """A file on one trial."""

    trial: str
    comparison: Comparison
    failure: str = ""
    loss: float = 0.0

    @property
    def matches(self) -> bool:
        """It ran, gave every output that PyTorch gives and no other, and all values are close."""
        return not self.failure and self.loss <= LOSS and self.comparison.matches and not self.comparison.skipped


@dataclass(frozen=True)
class Validation:
    """A file on all its trials; where one differs, what diffcheck says of it."""

    piece: Piece
    graph: Graph
    compared: tuple[Compared, ...]
    report: Report | None = None

    def milliseconds(self) -> float:
        """The median time of a run on the first trial, as the file is deployed."""
        import diffcheck
        from diffcheck.exported.compare_file import Compared as Both
        from diffcheck.exported.compare_file import feeds_of

        first = self.piece.trials[0]
        with giving_cache(self.piece.torch, self.piece.caches):
            reference = in_names_of(self.piece, diffcheck.outputs_torch(self.piece.torch, fed(first, self.graph)))
        feeds, _ = feeds_of(Both(reference, self.graph, LOSS))
        taken = []
        for _ in range(RUNS):
            started = time.perf_counter()
            self.graph.deployed(feeds)
            taken.append(time.perf_counter() - started)
        return 1e3 * median(taken)

    @property
    def matches(self) -> bool:
        """All trials do, or of a file that may be bound to one size the required ones."""
        return all(each.matches for each in self.compared if self._must(each))

    def _must(self, each: Compared) -> bool:
        return self.piece.required is None or each.trial in self.piece.required

    @property
    def bound(self) -> tuple[str, ...]:
        """The trials, in other sizes than the traced one, on which the file breaks or differs."""
        return tuple(each.trial for each in self.compared if not each.matches and not self._must(each))

    def notes(self) -> tuple[str, ...]:
        """What the user should know of the file, its size among it where it runs in no other."""
        said = (*self.piece.notes, *self._loss())
        if not self.bound:
            return said
        sizes = ", ".join(f"{port} {list(shape)}" for port, shape in self.piece.facts.get("traced", {}).items())
        bound = f"the file breaks or differs on {', '.join(self.bound)}: cut or pad what it is given to {sizes}."
        return (*said, bound)

    def _loss(self) -> tuple[str, ...]:
        """How much a quantized file lost."""
        if self.piece.kind != "quantized":
            return ()
        share = max((each.loss for each in self.compared), default=0.0)
        return (f"{self.piece.file.name} is quantized: its error's root mean square is {share:.1%} of PyTorch's.",)

    def worst(self) -> dict[str, float | None]:
        """The greatest absolute difference of each output over all trials; None where no number can be given."""
        found: dict[str, float | None] = {}
        for each in self.compared:
            if each.trial in self.bound:
                continue
            for tensor in each.comparison.tensors:
                before = found.get(tensor.path, 0.0)
                found[tensor.path] = None if before is None or tensor.max_abs is None else max(before, tensor.max_abs)
        return found

    def allowed(self, tolerance: float) -> float:
        """What a later comparison has to allow: of a quantized file a tenth more than it lost, rounded up."""
        if self.piece.kind != "quantized":
            return tolerance
        worst = 1.1 * max((each.comparison.relative for each in self.compared), default=tolerance)
        digit = 10.0 ** math.floor(math.log10(max(worst, tolerance)))
        return min(math.ceil(worst / digit) * digit, LARGEST)

    def sentences(self) -> Iterator[str]:
        """What is wrong, trial by trial, then the module and the operation where it begins."""
        for each in self.compared:
            if not each.matches and self._must(each):
                yield f"{self.piece.label}, {each.trial}: {each.failure or _reason(each.comparison)}"
        if self.report is not None:
            yield from self.report.sentences()


def _reason(comparison: Comparison) -> str:
    said = [f"more than {LOSS:.0%} is lost."] if comparison.matches and not comparison.skipped else []
    said += [] if comparison.matches else [comparison.sentence()]
    if comparison.skipped:
        said.append(f"outputs without a counterpart: {', '.join(comparison.skipped)}.")
    return "\n".join(said)


def validate_piece(piece: Piece, tolerance: float) -> Validation:
    """Run a written file and PyTorch on every trial and compare all outputs.

    Where values differ by more than the tolerance, the whole of diffcheck looks at that trial: its verdict
    counts (PyTorch's own rounding may be larger than the tolerance), and it names the module and the operation.
    """
    from diffcheck.exported import open_export

    graph = piece.open(piece.file) if piece.open else open_export(piece.file, piece.own, piece.signature)
    allowed = ANY if piece.kind == "quantized" else tolerance
    compared: list[Compared] = []
    report: Report | None = None
    with giving_cache(piece.torch, piece.caches):
        for trial in console.progress(piece.trials, "compare", len(piece.trials)):
            found, told = _on(trial, piece, graph, allowed, explained=report is not None)
            compared.append(found)
            report = report or told
    return Validation(piece, graph, tuple(compared), report)


def _on(trial: Trial, piece: Piece, graph: Graph, allowed: float, explained: bool) -> tuple[Compared, Report | None]:
    """One trial, and what diffcheck says of the first that differs."""
    import diffcheck
    from diffcheck.compare.outputs import compare_flat
    from diffcheck.exported import NotAnExport, compare_outputs, diff_export
    from diffcheck.record.values import Flattened

    given = fed(trial, graph)
    nothing = compare_flat(Flattened({}), Flattened({}))
    try:
        reference = in_names_of(piece, diffcheck.outputs_torch(piece.torch, given))
    except RUN_ERRORS as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return Compared(trial.name, nothing, f"PyTorch does not run in the sizes that the file fixes: {reason}"), None
    try:
        lost = loss(reference, graph) if piece.kind == "quantized" else 0.0
        found = Compared(trial.name, compare_outputs(reference, graph, allowed), loss=lost)
        must = piece.kind != "quantized" and (piece.required is None or trial.name in piece.required)
        if not must or explained or found.comparison.matches or not found.comparison.tensors:
            return found, None
        recorded = in_names_of(piece, diffcheck.record_torch(piece.torch, given))
        told = diff_export(recorded, graph, allowed, piece.torch)
    except NotAnExport as error:
        return Compared(trial.name, nothing, str(error)), None
    return replace(found, comparison=told.outputs), None if told.matches else told


def loss(reference: Stored, graph: Graph) -> float:
    """The root mean square of a file's error over that of PyTorch's values: of the output where it is greatest.

    Raises:
        NotAnExport: the inputs do not fit the file, or it stops.
    """
    from diffcheck.exported.compare_file import Compared as Both
    from diffcheck.exported.compare_file import feeds_of
    from diffcheck.exported.matching import match_outputs

    feeds, _ = feeds_of(Both(reference, graph, ANY))
    values = graph.deployed(feeds)
    expected = reference.recording.output.tensors
    arrays = {port.name: value for port, value in zip(graph.outputs, values, strict=True)}
    found = []
    for path, name in match_outputs(graph.outputs, values, expected).items():
        wanted = expected[path].array.astype(np.float64)
        if wanted.shape == arrays[name].shape and wanted.size:
            size = float(np.sqrt(np.mean(wanted**2))) or 1.0
            found.append(float(np.sqrt(np.mean((arrays[name] - wanted) ** 2))) / size)
    return max(found, default=0.0)


def in_names_of(piece: Piece, stored: Stored) -> Stored:
    """PyTorch's run with inputs and outputs called as the file calls them, without those that it leaves out."""
    from diffcheck.record.values import Flattened

    rename = piece.rename
    if rename is None:
        return stored

    def named(values: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        return {name: value for path, value in values.items() if (name := rename(path, prefix)) is not None}

    output = stored.recording.output
    recording = replace(stored.recording, output=Flattened(named(output.tensors, "present"), output.skipped))
    inputs = named(stored.inputs, "past_key_values")
    return replace(stored, recording=recording, inputs=inputs, noise=named(stored.noise, "present"))


def fed(trial: Trial, graph: Graph) -> dict[str, Array]:
    """The trial's inputs, in the sizes that the file fixes."""
    from diffcheck.exported import fit

    return dict(fit(graph.inputs, trial.inputs))


def ports(values: Any) -> list[dict[str, Any]]:
    """Inputs or outputs of a graph for export.json; a size that may change is null."""
    return [{"name": port.name, "dtype": port.dtype, "shape": port.shape and list(port.shape)} for port in values]
