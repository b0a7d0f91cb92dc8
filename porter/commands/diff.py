"""`porter diff`: run both frameworks on the same inputs and name the module that differs by itself."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porter import console
from porter.errors import INTERRUPTED, UsageError

if TYPE_CHECKING:
    from diffcheck import Options, Report


def diff(
    recordings: Annotated[
        list[Path] | None, typer.Argument(metavar="[A.rec [B.rec]]", help="Recordings, in place of --model and --tf.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Folder or Hub repository with PyTorch weights.")] = None,
    tf: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="TensorFlow side; default: beside the weights, else scaffolded."),
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Option(metavar="FILE.onnx|FOLDER", help="An ONNX file or a SavedModel, in place of --tf."),
    ] = None,
    layer_by_layer: Annotated[bool, typer.Option("--layer-by-layer", help="Show every module.")] = False,
    tolerance: Annotated[float, typer.Option(help="Allowed difference, times max(1, max|PyTorch|).")] = 1e-5,
    gradients: Annotated[bool, typer.Option("--gradients", help="Compare every parameter's gradient.")] = False,
    training: Annotated[bool, typer.Option("--training", help="Compare a training step, dropout off.")] = False,
    float64: Annotated[
        bool, typer.Option("--float64", help="Run the whole model in float64 too: a bug stays, rounding goes.")
    ] = False,
    inputs: Annotated[Path | None, typer.Option(help="Inputs by argument name: .npz or .json.")] = None,
    max_memory: Annotated[
        str | None, typer.Option(help="Memory for all of it, as 4GB; default: the larger model's and 1 GiB more.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML to this file too.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to look at to this file too.")] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")
    ] = False,
) -> None:
    """Compare a TensorFlow port with PyTorch, module by module.

    Each module is compared in flow (the TensorFlow model's own inputs) and alone (PyTorch's inputs); the first
    that differs alone is the culprit. Exit code 1 when something differs.

    Examples:
      porter diff --model ./my-model --layer-by-layer
      porter diff --model ./my-model --tf modeling_tf_my_model.py:TFMyModel
      porter diff --model ./my-model --candidate my-model.onnx
      porter diff --model ./my-model --html report.html
      porter diff --model ./large-model --max-memory 8GB
      porter diff pytorch.rec tensorflow.rec
    """
    if not 0 < tolerance < 1:
        raise UsageError(f"A tolerance of {tolerance} is not between 0 and 1.")
    check_choice(recordings or [], model, tf, candidate)
    if recordings and (float64 or gradients or training):
        raise UsageError("Recordings cannot be run again: --float64, --gradients and --training need --model.")
    with tempfile.TemporaryDirectory() as scratch:
        if candidate is not None:
            report = compare_file(
                candidate, recordings or [], Sides(model or "", None, inputs, trust_remote_code), tolerance, float64
            )
        elif model:
            import diffcheck
            from porter.weights.source import size

            options = diffcheck.Options(
                tolerance,
                layer_by_layer,
                gradients=gradients,
                training=training,
                float64=float64,
                max_memory=size(max_memory, "--max-memory 4GB") if max_memory else None,
            )
            report = compare(Sides(model, tf, inputs, trust_remote_code), Path(scratch), options)
        else:
            report = compare_recordings(recordings or [], tolerance)
        write_reports(report, model or "recordings", junit, html)
        if as_json:
            console.result_json(report.to_json())
        elif not (report.crash and report.crash.loading):
            show(report, layer_by_layer)
    leave(report)


@dataclass(frozen=True)
class Sides:
    """What to compare: a checkpoint, its TensorFlow file, the inputs' file, and whether its own code may run."""

    model: str
    tf: str | None
    inputs: Path | None
    trust_remote_code: bool


def leave(report: Report) -> None:
    """End with the exit code that the report asks for.

    Raises:
        UsageError: the TensorFlow model could not be loaded.
        Exit: something differs, or the user broke off.
    """
    if report.crash and report.crash.loading:
        place = f"{report.crash.file}:{report.crash.line}" if report.crash.line else ""
        raise UsageError(report.crash.message, place=place, hint="--tf FILE:CLASS takes another")
    if not report.matches:
        raise typer.Exit(INTERRUPTED if report.interrupted else 1)


def check_choice(recordings: Sequence[Path], model: str | None, tf: str | None, candidate: Path | None) -> None:
    """Two sides, each given once.

    Raises:
        UsageError: too many or too few are given.
    """
    wanted = 2 if candidate is None else 1
    if bool(recordings) == bool(model) or (recordings and len(recordings) != wanted):
        raise UsageError("Either --model or two recordings are compared.", hint="porter diff --model ./my-model")
    if candidate is not None and tf is not None:
        raise UsageError("--candidate and --tf name two candidates.", hint="leave one of them out")


def compare_file(candidate: Path, recordings: Sequence[Path], sides: Sides, tolerance: float, float64: bool) -> Report:
    """An exported file, with the checkpoint or with a recording of PyTorch's run."""
    from porter.candidate import Candidate, compare_candidate, compare_with_recording

    if recordings:
        return compare_with_recording(recordings[0], candidate, tolerance)
    return compare_candidate(
        Candidate(candidate, sides.model, sides.inputs, sides.trust_remote_code), tolerance, float64
    )


def compare(sides: Sides, scratch: Path, options: Options) -> Report:
    """Load both sides and run them."""
    import diffcheck
    from porter.model_inputs import inputs_for, read_inputs, variations_of
    from porter.model_sides import check_names, load_for_diff, load_torch, local_folder
    from porter.port_source import find_port

    folder = local_folder(sides.model)
    port = find_port(folder, sides.tf, scratch, sides.trust_remote_code)
    loaded = [load_torch(folder, sides.trust_remote_code)]
    given = read_inputs(sides.inputs) if sides.inputs else inputs_for(folder, loaded[0])
    check_names(loaded[0], given)
    options = replace(options, variations={} if sides.inputs else variations_of(given))
    pytorch = diffcheck.Loader(lambda: loaded.pop() if loaded else load_torch(folder, sides.trust_remote_code))
    try:
        return diffcheck.diff(pytorch, diffcheck.Loader(lambda: load_for_diff(folder, port)), given, options)
    except diffcheck.InputsRefused as error:
        raise UsageError(f"PyTorch does not run on these inputs: {error}", hint="--inputs FILE.npz") from error
    except diffcheck.TooLittleMemory as error:
        raise UsageError(f"--max-memory: {error}") from error


def compare_recordings(recordings: Sequence[Path], tolerance: float) -> Report:
    """Compare two files that `porter record` wrote.

    Raises:
        UsageError: one of them is none.
    """
    import diffcheck
    from diffcheck.storage import NotARecording, load

    try:
        reference, candidate = (load(file) for file in recordings)
    except NotARecording as error:
        raise UsageError(str(error), hint="porter record --model ./my-model --output pytorch.rec") from error
    return diffcheck.diff_recordings(reference, candidate, diffcheck.Options(tolerance))


def write_reports(report: Report, title: str, junit: Path | None, html: Path | None) -> None:
    """The files that were asked for."""
    from diffcheck.html import to_html
    from diffcheck.junit import to_junit
    from porter import files

    if junit is not None:
        files.write_text(junit, to_junit(report))
    if html is not None:
        files.write_text(html, to_html(report, f"porter diff: {title}"))


def show(report: Report, layer_by_layer: bool) -> None:
    """The table where it was asked for, then the result in words."""
    if layer_by_layer:
        header, *rows = report.table()
        console.result_table(header, rows)
        console.result("")
    for line in report.sentences():
        console.result(line)
