"""The TensorFlow side of a checkpoint, loaded, and inputs that PyTorch accepts."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from porter.base.errors import NotInstalled, UsageError
from porter.port.load import BrokenPort, PortSource, load_class
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_model import RUN_ERRORS
from porter.weights.formats import keras_file


def load_tensorflow(folder: Path, source: PortSource, from_pt: bool = True) -> Any:
    """The TensorFlow model with the checkpoint's weights: PyTorch's, or those that were converted from them."""
    model_class = load_class(source)
    saved = folder / keras_file.FORMAT.file
    if not from_pt and saved.exists():
        return keras_file.load(saved, model_class)
    return model_class.from_pretrained(str(folder), from_pt=from_pt)


def load_for_diff(folder: Path, source: PortSource, from_pt: bool = True) -> Any:
    """As :func:`load_tensorflow`, with the line of the file that fails.

    Raises:
        LoadFailed: what is written in the file does not give a model with these weights.
    """
    from diffcheck import LoadFailed
    from diffcheck.record.sources import crash_of

    try:
        return load_tensorflow(folder, source, from_pt)
    except (NotInstalled, KeyboardInterrupt):
        raise
    except Exception as error:  # the user's file may raise anything
        reason = error.__cause__ if isinstance(error, BrokenPort) and error.__cause__ else error
        crash = replace(crash_of(reason), file=str(source.file), line=_line_in(source.file, reason))
        told = crash.message if reason is not error or not isinstance(error, UsageError) else str(error)
        raise LoadFailed(replace(crash, message=told)) from error


def _line_in(file: Path, error: BaseException) -> int:
    """The last line of a file that an exception came through; 0 if it came through none."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == file.resolve():
        return error.lineno or 0
    frames = traceback.extract_tb(error.__traceback__)
    return next(
        (frame.lineno or 0 for frame in reversed(frames) if Path(frame.filename).resolve() == file.resolve()), 0
    )


def check_names(model: Any, inputs: dict[str, Any]) -> None:
    """Refuse inputs that the model has no argument for.

    Raises:
        UsageError: with their names.
    """
    unknown = [name for name in inputs if name not in inspect.signature(model.forward).parameters]
    if unknown:
        raise UsageError(f"{type(model).__name__} takes no input {', '.join(unknown)}.")


def check_inputs(model: Any, inputs: dict[str, Any]) -> None:
    """Refuse inputs that PyTorch itself does not run on.

    Raises:
        UsageError: with PyTorch's own reason.
    """
    import torch

    check_names(model, inputs)
    try:
        with torch.no_grad():
            model(**torch_inputs(model, inputs))
    except RUN_ERRORS as error:
        raise UsageError(f"PyTorch does not run on these inputs: {error}", hint="--inputs FILE.npz") from error
