"""Exported files (ONNX, TorchScript, SavedModel, TFLite) as the candidate of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffcheck.compare.metrics import TOLERANCE
from diffcheck.compare.outputs import Comparison
from diffcheck.exported.archive_code import more_than_computing
from diffcheck.exported.compare_file import Compared, compare_export, outputs_of
from diffcheck.exported.graph import Graph, NotAnExport, NotTrusted
from diffcheck.exported.matching import fit
from diffcheck.exported.tflite_file import TFLiteFile, is_tflite_file
from diffcheck.exported.torch_archive import TorchArchive, is_torch_archive
from diffcheck.record.storage import Stored
from diffcheck.show.report import Report

__all__ = ["Graph", "NotAnExport", "NotTrusted", "compare_outputs", "diff_export", "fit", "needs_onnx", "open_export"]


def diff_export(
    reference: Stored, export: Path | Graph, tolerance: float = TOLERANCE, model: Any = None, float64: bool = False
) -> Report:
    """Compare an ONNX file or a SavedModel with PyTorch's recorded run of the model that it was exported from.

    Modules are those that the names of its operations spell, as PyTorch's exporters and Keras write them. With the
    PyTorch ``model`` each is run alone too, on PyTorch's inputs, suspicious ones in float64; with ``float64`` the
    whole model as well.

    Raises:
        NotAnExport: the file is neither, or the inputs do not fit it.
        ImportError: onnx or onnxruntime is not installed.
    """
    graph = open_export(export) if isinstance(export, Path) else export
    return compare_export(Compared(reference, graph, tolerance, model, float64))


def compare_outputs(reference: Stored, graph: Graph, tolerance: float = TOLERANCE) -> Comparison:
    """Compare what an opened file gives, as it is deployed, with PyTorch's outputs on the same inputs.

    Outputs that one side lacks are in ``Comparison.skipped``. No module is looked at, so this is quick; the
    outputs of :func:`diff_export` are the same.

    Raises:
        NotAnExport: the inputs do not fit the file, or it stops while it runs.
    """
    return outputs_of(Compared(reference, graph, tolerance))


def open_export(path: Path, trusted: bool = False, signature: str = "") -> Graph:
    """The graph in a file or folder; formats are told by what is there, not by a suffix.

    ``trusted`` lets a SavedModel do more than compute: read and write files, call Python, ask other machines.
    ``signature`` is which of a SavedModel's is run; empty: ``serving_default``, else the only one.

    Raises:
        NotTrusted: it would do so, and is not trusted.
        NotAnExport: it is neither an ONNX file, nor one of PyTorch's, nor TFLite, nor a SavedModel.
        ImportError: a package that runs such files is not installed.
    """
    if is_torch_archive(path):
        _check_trust(path, [] if trusted else more_than_computing(path))
        return TorchArchive(path)
    if is_tflite_file(path):
        return TFLiteFile(path)
    if needs_onnx(path):
        import onnxruntime  # noqa: F401 - said before anything is run

        from diffcheck.exported.onnx_file import OnnxFile

        return OnnxFile(path)
    from diffcheck.exported.file_operations import file_operations
    from diffcheck.exported.saved_model import SavedModel

    _check_trust(path, [] if trusted else [f"the operation {name}" for name in file_operations(path)])
    return SavedModel(path, signature)


def _check_trust(path: Path, found: list[str]) -> None:
    if found:
        raise NotTrusted(f"{path} does more than compute: it has {', '.join(found)}.")


def needs_onnx(path: Path) -> bool:
    """Whether a path is that of a file which is none of PyTorch's or LiteRT's, so that it can only be an ONNX file.

    Raises:
        NotAnExport: there is nothing, or a folder that is not a SavedModel.
    """
    if path.is_file():
        return not is_torch_archive(path) and not is_tflite_file(path)
    if not path.exists():
        raise NotAnExport(f"There is no {path}.")
    if not any((path / f"saved_model.{kind}").is_file() for kind in ("pb", "pbtxt")):
        raise NotAnExport(f"The folder {path} is not a SavedModel.")
    return False
