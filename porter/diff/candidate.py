"""`porter diff --candidate`: an exported file beside the checkpoint that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from porter.base.errors import UsageError
from porter.base.installed import need
from porter.hub.trust import FLAG, Untrusted

if TYPE_CHECKING:
    from diffcheck import Report
    from diffcheck.exported import Graph

NEEDED = ("onnx", "onnxruntime")


@dataclass(frozen=True)
class Candidate:
    """An ONNX file or SavedModel, the checkpoint's folder or repository, the inputs' file, and which signature."""

    path: Path
    model: str
    inputs: Path | None
    trust_remote_code: bool
    signature: str = ""


def compare_candidate(candidate: Candidate, tolerance: float, float64: bool = False) -> Report:
    """Run PyTorch and the file on the same inputs; those that porter makes are cut to sizes that the file fixes."""
    import numpy as np

    import diffcheck
    from diffcheck.exported import NotAnExport, diff_export, fit
    from porter.diff.model_sides import check_inputs
    from porter.hub.fetch import Fetch, local_copy
    from porter.subject.inputs.companions import with_companions
    from porter.subject.inputs.for_checkpoint import inputs_for, read_inputs
    from porter.subject.torch_checkpoint import load_torch

    graph = open_candidate(candidate.path, candidate.trust_remote_code, candidate.signature)
    folder = local_copy(candidate.model, Fetch(with_code=candidate.trust_remote_code))
    model = load_torch(folder, trust_remote_code=candidate.trust_remote_code)
    if candidate.inputs:
        given = read_inputs(candidate.inputs)
    else:
        found = inputs_for(folder, model, trust=candidate.trust_remote_code)
        made = {name: np.asarray(value) for name, value in found.items()}
        wanted = {port.name for port in graph.inputs} | set(made)
        made = {name: value for name, value in with_companions(model, made).items() if name in wanted}
        given = dict(fit(graph.inputs, made))
    check_inputs(model, given)
    try:
        return diff_export(diffcheck.record_torch(model, given), graph, tolerance, model, float64)
    except NotAnExport as error:
        raise UsageError(f"{candidate.path}: {error}", hint="--inputs FILE.npz") from error


def compare_with_recording(recording: Path, candidate: Path, tolerance: float, trusted: bool = False) -> Report:
    """The same with a run of PyTorch that was recorded elsewhere: modules are compared in flow only.

    ``trusted`` as in :func:`open_candidate`.

    Raises:
        UsageError: the file is not a recording, or its inputs do not fit the candidate.
    """
    from diffcheck.exported import NotAnExport, diff_export
    from diffcheck.record.storage import NotARecording, load

    try:
        return diff_export(load(recording), open_candidate(candidate, trusted), tolerance)
    except NotARecording as error:
        raise UsageError(str(error), hint="porter record --model ./my-model --output pytorch.rec") from error
    except NotAnExport as error:
        raise UsageError(f"{candidate}: {error}") from error


def open_candidate(path: Path, trusted: bool = False, signature: str = "") -> Graph:
    """The file, opened. ``trusted`` lets a SavedModel read and write files and call Python.

    ``signature`` is which of a SavedModel's is run; empty: ``serving_default``, else the only one.

    Raises:
        UsageError: there is none, it is of no known format, or it does more than compute and is not trusted.
        NotInstalled: a package that reads ONNX files is missing.
    """
    from diffcheck.exported import NotAnExport, NotTrusted, needs_onnx, open_export

    try:
        if needs_onnx(path):
            need(*NEEDED)
        return open_export(path, trusted, signature)
    except NotTrusted as error:
        raise Untrusted(str(error), hint=f"{FLAG} runs it all the same") from error
    except NotAnExport as error:
        raise UsageError(str(error), hint="--candidate FILE.onnx or a SavedModel's folder") from error
