"""Both sides of a checkpoint, loaded: the PyTorch model and the TensorFlow model, and inputs that PyTorch accepts."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

from porter.base.errors import NotInstalled, UsageError
from porter.base.installed import need
from porter.hub.configuration import architecture
from porter.port.load import BrokenPort, PortSource, load_class
from porter.subject.inputs.variation import torch_inputs
from porter.subject.torch_class import torch_class
from porter.subject.torch_model import RUN_ERRORS


def load_torch(folder: Path, trust: bool) -> Any:
    """The PyTorch model that config.json names, in float32, in eval mode, with eager attention.

    Raises:
        UsageError: the weights are missing, broken, or do not fit.
    """
    need("torch", "transformers")
    import torch

    from porter.runtime.stored.checkpoint import open_checkpoint

    open_checkpoint(folder).close()  # says in one sentence what is wrong with the files
    model_class = torch_class(folder, architecture(folder), trust)
    try:
        model = model_class.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    except RUN_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{folder} cannot be loaded in PyTorch: {reason}") from error
    return model.eval()


def load_tensorflow(folder: Path, source: PortSource) -> Any:
    """The TensorFlow model with the checkpoint's weights."""
    return load_class(source).from_pretrained(str(folder), from_pt=True)


def load_for_diff(folder: Path, source: PortSource) -> Any:
    """As :func:`load_tensorflow`, with the line of the file that fails.

    Raises:
        LoadFailed: what is written in the file does not give a model with these weights.
    """
    from diffcheck import LoadFailed
    from diffcheck.record.sources import crash_of

    try:
        return load_tensorflow(folder, source)
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
