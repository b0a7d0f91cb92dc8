"""`porter diff`: run both frameworks on the same inputs and name the module that differs by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porter.base import console
from porter.base.early_checks import check_output_file
from porter.base.errors import INTERRUPTED, UsageError
from porter.base.plain_options import Arguments, Inputs, PlainOptions, Sample, Torch, Weights
from porter.diff.comparison import Request

if TYPE_CHECKING:
    from diffcheck import Report

ExportedFile = Annotated[
    Path | None,
    typer.Option(
        "--candidate",
        metavar="FILE.onnx|FOLDER",
        help="An ONNX file, a SavedModel, or the folder that pt-to-tf wrote, in place of --tf.",
    ),
]

Memory = Annotated[
    str | None, typer.Option(help="Memory for all of it, as 4GB; default: the larger model's and 1 GiB more.")
]
Signature = Annotated[str, typer.Option(help="Which signature of a SavedModel, as decode. Default: serving_default.")]


def diff(
    recordings: Annotated[
        list[Path] | None, typer.Argument(metavar="[A.rec [B.rec]]", help="Recordings, in place of --model and --tf.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Folder or Hub repository with PyTorch weights.")] = None,
    tf: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="TensorFlow side; default: beside the weights, else scaffolded."),
    ] = None,
    torch: Torch = None,
    arguments: Arguments = None,
    declared: Inputs = None,
    weights: Weights = None,
    sample: Sample = None,
    candidate: ExportedFile = None,
    signature: Signature = "",
    layer_by_layer: Annotated[bool, typer.Option("--layer-by-layer", help="Show every module.")] = False,
    tolerance: Annotated[float, typer.Option(help="Allowed difference, times max(1, max|PyTorch|).")] = 1e-5,
    gradients: Annotated[bool, typer.Option("--gradients", help="Compare every parameter's gradient.")] = False,
    training: Annotated[bool, typer.Option("--training", help="Compare a training step, dropout off.")] = False,
    float64: Annotated[
        bool, typer.Option("--float64", help="Run the whole model in float64 too: a bug stays, rounding goes.")
    ] = False,
    inputs: Annotated[Path | None, typer.Option(help="Inputs by argument name: .npz or .json.")] = None,
    max_memory: Memory = None,
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
      porter diff --torch net.py:Net --arguments '{"width": 64}' --tf modeling_tf_net.py --weights net.pt
      porter diff --model ./my-model --candidate my-model.onnx
      porter diff --model ./my-model --html report.html
      porter diff --model ./large-model --max-memory 8GB
      porter diff pytorch.rec tensorflow.rec
    """
    plain = PlainOptions(torch, arguments, tuple(declared or ()), weights, sample)
    request = Request(
        tuple(recordings or ()), model, tf, candidate, inputs, trust_remote_code, tolerance, layer_by_layer,
        gradients, training, float64, max_memory, plain, signature,
    )  # fmt: skip
    check(request, junit, html)
    report = exported_report(request) or request.report()
    write_reports(report, model or torch or "recordings", junit, html)
    if as_json:
        console.result_json(report.to_json())
    elif not (report.crash and report.crash.loading):
        show(report, layer_by_layer)
    leave(report)


def check(request: Request, junit: Path | None, html: Path | None) -> None:
    """Refuse what cannot be meant, before any work."""
    request.check()
    check_output_file("--junit", junit)
    check_output_file("--html", html)


def exported_report(request: Request) -> Report | None:
    """The comparison of a file that `porter export` wrote, as the export.json beside it says; None for any other."""
    if request.exported is None or request.model is None:
        return None
    from porter.export.comparing import compare_again, described
    from porter.export.samples import Given

    what = described(request.exported, request.signature)
    if what is None:
        return None
    with console.working("compare"):
        return compare_again(
            what,
            request.model,
            Given(request.inputs),
            request.tolerance,
            trust_remote_code=request.trust_remote_code,
            float64=request.float64,
        )


def leave(report: Report) -> None:
    """End with the exit code that the report asks for.

    Raises:
        UsageError: the TensorFlow model could not be loaded.
        Exit: something differs, or the user broke off.
    """
    if report.crash and report.crash.loading:
        place = f"{report.crash.file}:{report.crash.line}" if report.crash.line else ""
        hint = "--tf FILE:CLASS takes another"
        raise UsageError(report.crash.message, place=place, hint=hint, after_result=True)
    if not report.matches:
        raise typer.Exit(INTERRUPTED if report.interrupted else 1)


def write_reports(report: Report, title: str, junit: Path | None, html: Path | None) -> None:
    """The files that were asked for."""
    from diffcheck.show.html import to_html
    from diffcheck.show.junit import to_junit
    from porter.base import files
    from porter.base.provenance import provenance

    if junit is not None:
        files.write_text(junit, to_junit(report))
        console.say(f"wrote {junit}")
    if html is not None:
        files.write_text(html, to_html(report, f"porter diff: {title}", provenance()))
        console.say(f"wrote {html}")


def show(report: Report, layer_by_layer: bool) -> None:
    """The table where it was asked for, then the result in words."""
    if layer_by_layer:
        header, *rows = report.table()
        console.result_table(header, rows)
        console.result("")
    for line in report.sentences():
        console.result(line)
