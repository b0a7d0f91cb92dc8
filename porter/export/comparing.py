"""A file that was exported before, compared again as the export.json beside it says: class, part, sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porter.base.errors import UsageError
from porter.base.reading import read_json
from porter.diff.candidate import open_candidate
from porter.export.declaration import Job, Piece, Request
from porter.export.exporting import MANIFEST, prepared
from porter.export.feature import WITH_PAST
from porter.export.onnx_inputs import OnnxInputs
from porter.export.parts import giving_cache, parts_of
from porter.export.positional import changeable_length, resized
from porter.export.samples import YOURS, Given
from porter.export.validation import fed, in_names_of
from porter.hub.configuration import architecture
from porter.hub.fetch import Fetch, local_copy
from porter.subject.inputs.trials import Trial

if TYPE_CHECKING:
    from diffcheck import Report


QUANTIZED = "the file is quantized: only outputs were compared, for its modules are off on purpose."
MOST_ELEMENTS = 10**8
"""Of one input that export.json names."""


@dataclass(frozen=True)
class Described:
    """What export.json says of a file beside it. It chooses what is compared, never what is loaded or run.

    Attributes:
        file: the exported file.
        format: what it is.
        class_name: the PyTorch class.
        feature: what it is for.
        part: which part of a model with keys and values; empty for the whole.
        signature: which of a SavedModel's.
        traced: the sizes of the inputs that it was traced with, by name; empty where any will do.
        declared: the inputs that were declared when it was written; None where none were.
        kind: of :data:`porter.export.declaration.Piece.kind`.
    """

    file: Path
    format: str
    class_name: str
    feature: str
    part: str
    signature: str
    traced: Mapping[str, list[int]]
    declared: OnnxInputs | None = None
    kind: str = "exact"

    def given(self, given: Given) -> Given:
        """What is said of the inputs now, or else was declared when the file was written."""
        nothing = given.inputs is None and given.declared is None
        return replace(given, declared=self.declared) if nothing else given


def described(file: Path, signature: str = "") -> Described | None:
    """What is known of a file; None without an export.json that names it.

    Raises:
        UsageError: export.json is not what porter writes.
    """
    manifest = file.parent / MANIFEST
    if not manifest.is_file():
        return None
    label = f"{file.name}:{signature}" if signature else file.name
    told: Any = read_json(manifest)
    try:
        about = told["files"].get(label)
        if about is None:
            return None
        found = Described(
            file, told["format"], told["class"], told["feature"], about.get("part", ""), signature,
            {str(name): [int(size) for size in sizes] for name, sizes in about.get("traced", {}).items()},
            OnnxInputs.of(told["declared"]) if "declared" in told else None, about.get("kind", "exact"),
        )  # fmt: skip
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError("The file is not what porter export writes.", place=str(manifest)) from error
    words = all(isinstance(text, str) for text in (found.format, found.class_name, found.feature, found.part))
    if not words or not all(map(_is_shape, found.traced.values())):
        raise UsageError("The file is not what porter export writes.", place=str(manifest))
    return found


def _is_shape(sizes: list[int]) -> bool:
    """Whether an input can have these sizes, before one is made."""
    return bool(sizes) and min(sizes) > 0 and math.prod(sizes) <= MOST_ELEMENTS


def compare_again(
    what: Described, model: str, given: Given, tolerance: float, *, trust_remote_code: bool, float64: bool
) -> Report:
    """Run PyTorch and the file on inputs as the export made them.

    Args:
        what: the file.
        model: folder or Hub repository with PyTorch weights.
        given: what the user says of the inputs.
        tolerance: allowed difference, times max(1, max|PyTorch|).
        trust_remote_code: allow code that lies in the model's repository, and a file that does more than compute.
        float64: run the whole model in float64 too.

    Raises:
        UsageError: the model does not have what the file is of, or the inputs do not fit.
    """
    import diffcheck
    from diffcheck.exported import NotAnExport, compare_outputs, diff_export

    graph = open_candidate(what.file, trust_remote_code, what.signature)
    feature = _feature(what, model, trust_remote_code)
    given = what.given(given)
    request = Request(what.format, model, what.file, feature, given=given, trust_remote_code=trust_remote_code)
    job = prepared(request, what.file.parent)
    piece, trial = piece_again(what, job)
    inputs = trial.inputs if given.inputs is not None else fed(trial, graph)
    try:
        with giving_cache(piece.torch, piece.caches):
            if what.kind == "quantized":  # its modules are off on purpose, some by more than what comes out at last
                outputs = in_names_of(piece, diffcheck.outputs_torch(piece.torch, inputs))
                found = compare_outputs(outputs, graph, tolerance)
                return diffcheck.Report(found, (), None, notes=(QUANTIZED,), candidate=graph.label)
            recorded = in_names_of(piece, diffcheck.record_torch(piece.torch, inputs))
            return diff_export(recorded, graph, tolerance, piece.torch, float64)
    except NotAnExport as error:
        raise UsageError(f"{what.file}: {error}", hint="--inputs FILE.npz") from error


def _feature(what: Described, model: str, trusted: bool) -> str | None:
    """The feature; None where the file is of the class that config.json names, which may have none."""
    source = local_copy(model, Fetch(with_code=trusted))
    own = what.class_name == architecture(source) and not what.feature.endswith(WITH_PAST)
    return None if own else what.feature


def check_traced(what: Described, trial: Trial) -> None:
    """Refuse sizes of inputs that the class does not have.

    Raises:
        UsageError: naming the first of them.
    """
    foreign = next((name for name in what.traced if name not in trial.inputs), None)
    if foreign is not None:
        raise UsageError(f"{what.class_name} has no input {foreign}.", place=str(what.file.parent / MANIFEST))


def piece_again(what: Described, job: Job) -> tuple[Piece, Trial]:
    """The file as it was compared when it was written, and the inputs to begin with.

    Raises:
        UsageError: the model has no such part.
    """
    if not what.part:
        trial = job.samples.traced
        if what.traced and job.request.given.inputs is None:
            check_traced(what, trial)
            sizes = next(iter(what.traced.values()))
            axes = {name: changeable_length(name, array) for name, array in trial.inputs.items()}
            lengths = (what.traced[name][axis] for name, axis in axes.items() if axis is not None)
            trial = resized(trial, sizes[0], next(lengths, None))
        return Piece(what.file, job.torch, (trial,), own=False), trial
    with giving_cache(job.torch, True):
        parts = parts_of(job.torch, job.samples)
    part = next((part for part in parts if part.name == what.part), None)
    if part is None:
        raise UsageError(f"{what.class_name} has no part {what.part}.", place=str(what.file))
    trial = next((each for each in part.trials if each.name.startswith(YOURS)), part.trials[0])
    piece = Piece(
        what.file, part.module, part.trials, rename=part.rename, part=part.name, signature=what.signature,
        caches=part.caches, own=False,
    )  # fmt: skip
    return piece, trial
