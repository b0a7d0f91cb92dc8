"""The weights of a file in a PyTorch module: tensors only, nothing in the file is run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from porter.base.errors import UsageError
from porter.runtime.model.wrapped import Renamed, wrapper_prefix
from porter.runtime.stored.checkpoint import open_file
from porter.runtime.stored.tensor_source import Array, Checkpoint

SHOWN = 5


def load_state(model: Any, file: Path) -> None:
    """Load the `state_dict` in a `.pt`, `.pth`, `.bin` or `.safetensors` file, all of it and nothing but it.

    A prefix that wrappers put before every name, such as `module.`, is left out. Of tied tensors one is enough.

    Raises:
        UsageError: the file is missing or damaged, holds more than tensors, or does not fit the module.
    """
    check_weights(file)
    with open_file(file) as checkpoint:
        faults = _faults(model, _unwrapped(checkpoint, model))
    if faults:
        more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        sentence = f"The weights do not fit {type(model).__name__}: {'; '.join(faults[:SHOWN])}{more}."
        raise UsageError(sentence, hint="check --arguments and --weights", place=str(file))


def check_weights(file: Path) -> None:
    """Refuse a file of weights that is not there.

    Raises:
        UsageError: naming it.
    """
    if not file.is_file():
        raise UsageError(f"There is no file {file}.", hint="--weights FILE.pt or FILE.safetensors")


def _unwrapped(checkpoint: Checkpoint, model: Any) -> Checkpoint:
    prefix = wrapper_prefix(checkpoint.tensors, model.state_dict())
    return Renamed(checkpoint, {name: name.removeprefix(prefix) for name in checkpoint.tensors})


def _faults(model: Any, checkpoint: Checkpoint) -> list[str]:
    """What keeps the tensors from fitting; they are loaded where nothing does."""
    import torch

    wanted = model.state_dict(keep_vars=True)
    shapes = [
        f"{name} is {tuple(info.shape)}, not {tuple(wanted[name].shape)}"
        for name, info in checkpoint.tensors.items()
        if name in wanted and tuple(info.shape) != tuple(wanted[name].shape)
    ]
    if shapes:
        return shapes
    state = {name: torch.from_numpy(_of_torch(checkpoint.read(name))) for name in checkpoint.tensors}
    result = model.load_state_dict(state, strict=False)
    filled = {wanted[name].data_ptr() for name in state if name in wanted and wanted[name].numel()}
    missing = [name for name in result.missing_keys if wanted[name].data_ptr() not in filled]
    return [
        *(f"{name} is missing" for name in missing),
        *(f"{name} has no place in the model" for name in result.unexpected_keys),
    ]


def _of_torch(array: Array) -> Array:
    """A writable copy; bfloat16 and the eight-bit floats, which numpy lacks, as float32."""
    return np.array(array if array.dtype.kind in "fiubc" else array.astype(np.float32))
