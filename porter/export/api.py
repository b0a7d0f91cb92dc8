"""What Python code calls to export a model, or to compare a file that was exported before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.export.axes import Axes
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
    inputs: Mapping[str, Axes] | None = None,
    **options: Any,
) -> Exported:
    """Write ONNX files into a new folder, and compare them with PyTorch in onnxruntime.

    Args:
        model_or_dir: a PyTorch model of transformers, or a folder or Hub repository with its weights.
        path: the folder to be made.
        feature: what the files are for, as `causal-lm-with-past`; None: what the model's class computes.
        atol: allowed difference, times max(1, max|PyTorch|).
        inputs: the inputs and their changeable axes, as :class:`OnnxInputs` or a plain table of them; None: those that
            PyTorch's forward takes.
        options: those of `porter export onnx`, as `opset=17`, `static=True`, `external_data=True`.

    Raises:
        UsageError: something does not fit, or no exporter takes the model; nothing is written.
        LeftOver: the file differs from PyTorch; nothing is left at the path.
    """
    declared = OnnxInputs(inputs) if inputs is not None and not isinstance(inputs, OnnxInputs) else inputs
    with _at_hand(model_or_dir) as (name, model):
        request = Request("onnx", name, Path(path), feature, atol, Given(declared=declared), options=options)
        return run(request, model)


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
    what = described(Path(path), signature)
    if feature is None and what is not None and what.part:
        feature = what.feature
    given = Given() if what is None else what.given(Given())
    with _at_hand(model_or_dir) as (name, model):
        job = prepared(Request("onnx", name, Path(path), feature, atol, given), Path(path).parent, model)
        whole = Piece(Path(path), job.torch, job.samples.trials, signature=signature, own=False)
        return validate_piece(piece_again(what, job)[0] if what is not None and what.part else whole, atol)


@contextmanager
def _at_hand(model_or_dir: Any) -> Iterator[tuple[str, Any]]:
    """The name of a model, and the model itself unless only its name is given; it trains afterwards if it did before.

    Raises:
        UsageError: it is neither a name nor a model of transformers.
    """
    if isinstance(model_or_dir, str | Path):
        yield str(model_or_dir), None
        return
    if not hasattr(model_or_dir, "config") or not hasattr(model_or_dir, "modules"):
        kind = type(model_or_dir).__name__
        raise UsageError(f"An object of type {kind} is not a model of transformers.", hint="give one, or its folder")
    modes = [(module, module.training) for module in model_or_dir.modules()]
    try:
        yield type(model_or_dir).__name__, model_or_dir
    finally:
        for module, training in modes:
            module.training = training


def features(model_type: str) -> list[str]:
    """The features of a model type such as `bert`, or of a folder or Hub repository.

    Raises:
        UsageError: there is no such model.
    """
    return [str(feature) for feature in list_features(model_type)]
