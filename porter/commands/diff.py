"""`porter diff`: run both frameworks on the same inputs and name the module that differs by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from porter import console
from porter.errors import UsageError

if TYPE_CHECKING:
    from diffcheck import Report


def diff(
    model: Annotated[str, typer.Option(help="Folder or Hub repository with PyTorch weights.")],
    tf: Annotated[
        str | None,
        typer.Option(metavar="FILE[:CLASS]", help="TensorFlow side; default: beside the weights, else scaffolded."),
    ] = None,
    layer_by_layer: Annotated[bool, typer.Option("--layer-by-layer", help="Show every module.")] = False,
    tolerance: Annotated[float, typer.Option(help="Allowed difference, times max(1, max|PyTorch|).")] = 1e-5,
    inputs: Annotated[Path | None, typer.Option(help="Inputs by argument name: .npz or .json.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
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
      porter diff --model ./my-model --json
    """
    if not 0 < tolerance < 1:
        raise UsageError(f"A tolerance of {tolerance} is not between 0 and 1.")
    with tempfile.TemporaryDirectory() as scratch:
        report = compare(model, tf, Path(scratch), inputs, (tolerance, layer_by_layer, trust_remote_code))
        if as_json:
            console.result_json(report.to_json())
        else:
            show(report, layer_by_layer)
    if not report.matches:
        raise typer.Exit(1)


def compare(
    model: str, tf: str | None, scratch: Path, inputs: Path | None, options: tuple[float, bool, bool]
) -> Report:
    """Load both sides and run them."""
    import diffcheck
    from porter.model_inputs import inputs_for, read_inputs

    tolerance, layer_by_layer, trust = options
    folder = local_folder(model)
    torch_model, tf_model = load_both(folder, tf, scratch, trust)
    given = read_inputs(inputs) if inputs else inputs_for(folder, torch_model)
    check_inputs(torch_model, given)
    return diffcheck.diff(torch_model, tf_model, given, diffcheck.Options(tolerance, layer_by_layer))


def local_folder(model: str) -> Path:
    """The folder itself, or the repository downloaded.

    Raises:
        UsageError: neither exists.
    """
    folder = Path(model)
    if folder.is_dir():
        return folder
    if model.count("/") > 1 or folder.is_absolute() or model.startswith("."):
        raise UsageError(f"There is no folder {model}.", hint="give a folder that save_pretrained wrote")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, ignore_patterns=["*.onnx", "*.msgpack", "*.tflite"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UsageError(f"{model} is no folder, and could not be downloaded.", hint="check the name") from error


def load_both(folder: Path, tf: str | None, scratch: Path, trust: bool) -> tuple[Any, Any]:
    """The PyTorch model and the TensorFlow model of one checkpoint, in float32."""
    from porter import port_source

    source = port_source.find_port(folder, tf, scratch, trust)
    torch_class = port_source.torch_class(folder, port_source.architecture(folder), trust)
    import torch

    torch_model = torch_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    tf_model = port_source.load_class(source).from_pretrained(str(folder), from_pt=True)
    return torch_model.eval(), tf_model


def check_inputs(model: Any, inputs: dict[str, Any]) -> None:
    """Refuse inputs that PyTorch itself does not run on.

    Raises:
        UsageError: with PyTorch's own reason.
    """
    import inspect

    import torch

    from porter.sample import RUN_ERRORS, torch_inputs

    unknown = [name for name in inputs if name not in inspect.signature(model.forward).parameters]
    if unknown:
        raise UsageError(f"{type(model).__name__} takes no input {', '.join(unknown)}.")
    try:
        with torch.no_grad():
            model(**torch_inputs(model, inputs))
    except RUN_ERRORS as error:
        raise UsageError(f"PyTorch does not run on these inputs: {error}", hint="--inputs FILE.npz") from error


def show(report: Report, layer_by_layer: bool) -> None:
    """The table where it was asked for, then the result in words."""
    if layer_by_layer:
        header, *rows = report.table()
        console.result_table(header, rows)
        console.result("")
    for line in report.sentences():
        console.result(line)
