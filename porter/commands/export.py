"""`porter export`: write a checkpoint as ONNX, TorchScript, SavedModel or TFLite, compared with PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from porter.base import console
from porter.base.errors import UsageError

if TYPE_CHECKING:
    from porter.export.exporting import Exported
    from porter.export.validation import Validation


ExportFormat = Annotated[
    str, typer.Argument(metavar="FORMAT", help="onnx, torchscript, torch-export, saved-model or tflite.")
]
Output = Annotated[Path | None, typer.Argument(help="Folder to be made.")]
Model = Annotated[str | None, typer.Option(help="Folder or Hub repository with PyTorch weights.")]
FeatureName = Annotated[
    str | None, typer.Option(help="What it is for, as causal-lm-with-past. Default: the class in config.json.")
]
ListFeatures = Annotated[
    str | None, typer.Option(metavar="MODEL", help="Show the features of a model or model type, and end.")
]
Atol = Annotated[float, typer.Option(min=0, help="Allowed difference, times max(1, max|PyTorch|).")]
Opset = Annotated[int | None, typer.Option(help="Opset of the ONNX file. Default: 18.")]
Static = Annotated[bool, typer.Option("--static", help="Fix batch and length at the sample's.")]
ExternalData = Annotated[
    bool, typer.Option("--external-data", help="Weights in a file beside, as always beyond 2 GB.")
]
Framework = Annotated[str | None, typer.Option(help="Of which model an ONNX file is made: pt, or tf for the port.")]
Optimize = Annotated[bool, typer.Option("--optimize", help="Write a version fused for onnxruntime beside it.")]
Batch = Annotated[int | None, typer.Option(min=1, help="Rows of the traced inputs. Default: 2.")]
MaxLength = Annotated[int | None, typer.Option(min=1, help="Length of the traced inputs. Default: 7.")]
Neuron = Annotated[bool, typer.Option("--neuron", help="Trace with AWS Neuron's compiler.")]
Quantize = Annotated[str | None, typer.Option(help="Smaller, less exact: dynamic; of tflite also float16, int8.")]
Tf = Annotated[
    str | None,
    typer.Option(metavar="FILE[:CLASS]", help="TensorFlow modeling file; default: beside the weights, else made."),
]
Inputs = Annotated[Path | None, typer.Option(help="Inputs by argument name: .npz or .json.")]
Sample = Annotated[Path | None, typer.Option(help="Declaration of the inputs and their axes: .json.")]
MaxMemory = Annotated[str | None, typer.Option(help="Memory for all of it, as 8GB; what does not fit is refused.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave a file that differs from PyTorch.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Trust = Annotated[bool, typer.Option("--trust-remote-code", help="Allow code that lies in the model's repository.")]


def export(
    export_format: ExportFormat,
    output: Output = None,
    model: Model = None,
    feature: FeatureName = None,
    list_features: ListFeatures = None,
    atol: Atol = 1e-5,
    opset: Opset = None,
    static: Static = False,
    external_data: ExternalData = False,
    framework: Framework = None,
    optimize: Optimize = False,
    batch: Batch = None,
    max_length: MaxLength = None,
    neuron: Neuron = False,
    quantize: Quantize = None,
    tf: Tf = None,
    inputs: Inputs = None,
    sample: Sample = None,
    max_memory: MaxMemory = None,
    keep: Keep = False,
    as_json: AsJson = False,
    trust_remote_code: Trust = False,
) -> None:
    """Export a checkpoint, and compare the written file with PyTorch on several lengths and batch sizes.

    Exit code 1 and nothing at the output when the file differs, unless --keep.

    Examples:
      porter export onnx --model owner/name onnx/
      porter export onnx --model owner/name --feature sequence-classification --opset 17 onnx/
      porter export onnx --model owner/name --feature causal-lm-with-past --optimize --quantize dynamic onnx/
      porter export torchscript --model owner/name --batch 1 --max-length 128 traced/
      porter export tflite --model owner/name --max-length 128 --quantize dynamic lite/
      porter export onnx --list-features owner/name
    """
    if list_features:
        show_features(list_features, trust_remote_code, as_json)
        return
    if not model or output is None or list_features is not None:
        hint = "porter export onnx --model ./my-model onnx/"
        raise UsageError("A model and a folder for the output are needed.", hint=hint)
    from porter.export.declaration import Request
    from porter.export.exporting import run
    from porter.export.onnx_inputs import OnnxInputs
    from porter.export.samples import Given

    special = {
        "opset": opset, "static": static, "external_data": external_data, "batch": batch, "max_length": max_length,
        "neuron": neuron, "optimize": optimize, "framework": framework, "quantize": quantize, "tf": tf,
    }  # fmt: skip
    given = Given(inputs, OnnxInputs.read(sample) if sample else None)
    wanted = {name: value for name, value in special.items() if value is not None and value is not False}
    request = Request(export_format, model, output, feature, atol, given, keep, trust_remote_code, max_memory, wanted)
    with console.working("export"):
        exported = run(request)
    tell(exported, as_json)


def tell(exported: Exported, as_json: bool) -> None:
    """Show the result; a file that differs and was kept gives exit code 1."""
    if as_json:
        console.result_json(exported.manifest)
    else:
        show(exported)
    if not exported.matches:
        raise typer.Exit(1)


def show_features(model: str, trust_remote_code: bool, as_json: bool) -> None:
    """The features of a model, with the class that computes each."""
    from porter.export.exporting import list_features

    found = list_features(model, trust_remote_code)
    if as_json:
        console.result_json({str(feature): feature.class_name for feature in found})
    else:
        console.result_table(("FEATURE", "CLASS"), [(str(feature), feature.class_name) for feature in found])


def show(exported: Exported) -> None:
    """A row for each output of each file, the notes, and where it all lies."""
    rows = [row for validation in exported.validations for row in _rows(validation)]
    console.result_table(("FILE", "OUTPUT", "SHAPE", "GREATEST DIFFERENCE", "ALLOWED"), rows)
    for validation in exported.validations:
        for line in (*validation.sentences(), *(f"note: {note}" for note in validation.notes())):
            console.result(line)
    if len(exported.validations) > 1:
        console.result("")
        console.result_table(("FILE", "BYTES", "MILLISECONDS"), list(_costs(exported)))
    console.result(f"\n{_verdict(exported)}\n")
    for file in exported.files:
        console.result(f"wrote {file}")
    show_example(exported)


def _verdict(exported: Exported) -> str:
    """What was found, and on which inputs; those in sizes that a file is not for are in its note."""
    validations = exported.validations
    trials = dict.fromkeys(each.trial for v in validations for each in v.compared if each.trial not in v.bound)
    found = "matches" if exported.matches else "differs from"
    if exported.matches and all(validation.piece.kind == "quantized" for validation in validations):
        found = "is quantized, and was compared with"
    return f"{exported.feature.class_name} {found} PyTorch on {_counted(len(trials))}: {'; '.join(trials)}."


def _counted(inputs: int) -> str:
    return "1 input" if inputs == 1 else f"{inputs} inputs"


def show_example(exported: Exported) -> None:
    """How the file is loaded and called, where its format has names for nothing."""
    from porter.export.declaration import format_named

    example = format_named(exported.manifest["format"]).example
    if example is not None:
        (file,) = exported.files
        console.result("\n" + "\n".join(example(file, exported.manifest["files"][file.name])))


def _costs(exported: Exported) -> Iterator[tuple[str, ...]]:
    """Size and time of each file; signatures of one file share its size, which is told once."""
    told = set()
    for validation in exported.validations:
        piece = validation.piece
        about = exported.manifest["files"][piece.label]
        size = "" if piece.file.name in told else f"{about['bytes']:,}"
        told.add(piece.file.name)
        yield piece.label, size, "" if about["milliseconds"] is None else f"{about['milliseconds']:.1f}"


def _rows(validation: Validation) -> list[tuple[str, ...]]:
    first = validation.compared[0].comparison.tensors if validation.compared else ()
    exact = validation.piece.kind != "quantized"
    shapes = {tensor.path: (tensor.shapes[1] or (), tensor.allowed) for tensor in first}
    return [
        (
            validation.piece.label,
            name,
            str(shapes[name][0]) if name in shapes else "",
            "none" if error is None else f"{error:.1e}",
            f"{shapes[name][1]:.1e}" if name in shapes and exact else "",
        )
        for name, error in validation.worst().items()
    ]
