"""What Python code calls to export a model, or to compare a file that was exported before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from porter.export.comparing import described, piece_again
from porter.export.declaration import Piece, Request
from porter.export.exporting import Exported, list_features, prepared, run
from porter.export.onnx_inputs import OnnxInputs
from porter.export.samples import Given
from porter.export.validation import Validation, validate_piece

__all__ = ["Exported", "OnnxInputs", "Validation", "export_onnx", "features", "validate"]


def export_onnx(
    model_or_dir: Any,
    path: str | Path,
    *,
    feature: str | None = None,
    atol: float = 1e-5,
    inputs: OnnxInputs | None = None,
    **options: Any,
) -> Exported:
    """Write ONNX files into a new folder, and compare them with PyTorch in onnxruntime.

    Args:
        model_or_dir: a PyTorch model of transformers, or a folder or Hub repository with its weights.
        path: the folder to be made.
        feature: what the files are for, as `causal-lm-with-past`; None: what the model's class computes.
        atol: allowed difference, times max(1, max|PyTorch|).
        inputs: the inputs and their changeable axes; None: those that PyTorch's forward takes.
        options: those of `porter export onnx`, as `opset=17`, `static=True`, `external_data=True`.

    Raises:
        UsageError: something does not fit, or no exporter takes the model; nothing is written.
        LeftOver: the file differs from PyTorch; nothing is left at the path.
    """
    is_name = isinstance(model_or_dir, str | Path)
    name = str(model_or_dir) if is_name else type(model_or_dir).__name__
    request = Request("onnx", name, Path(path), feature, atol, Given(declared=inputs), options=options)
    return run(request, None if is_name else model_or_dir)


def validate(
    model_or_dir: Any, path: str | Path, *, feature: str | None = None, signature: str = "", atol: float = 1e-5
) -> Validation:
    """Compare an exported file with PyTorch on several lengths and batch sizes, as `porter export` does.

    The export.json beside a file says which part of a model it is, and for which feature, unless one is given.

    Args:
        model_or_dir: a PyTorch model of transformers, or a folder or Hub repository with its weights.
        path: an ONNX file, or a SavedModel's folder.
        feature: what the file computes; None: what the model's class computes.
        signature: which of a SavedModel's is compared; empty: `serving_default`.
        atol: allowed difference, times max(1, max|PyTorch|).

    Raises:
        UsageError: the model does not fit the feature, or PyTorch runs on no inputs.
        diffcheck.exported.NotAnExport: the path holds no exported model.
    """
    is_name = isinstance(model_or_dir, str | Path)
    name = str(model_or_dir) if is_name else type(model_or_dir).__name__
    what = described(Path(path), signature)
    if feature is None and what is not None and what.part:
        feature = what.feature
    request = Request("onnx", name, Path(path), feature, atol)
    job = prepared(request, Path(path).parent, None if is_name else model_or_dir)
    whole = Piece(Path(path), job.torch, job.samples.trials, signature=signature, own=False)
    return validate_piece(piece_again(what, job)[0] if what is not None and what.part else whole, atol)


def features(model_type: str) -> list[str]:
    """The features of a model type such as `bert`, or of a folder or Hub repository.

    Raises:
        UsageError: there is no such model.
    """
    return [str(feature) for feature in list_features(model_type)]
