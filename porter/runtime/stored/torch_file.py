"""One `.bin` file, as torch.save wrote it: read by torch's weights-only unpickler, which runs no code."""

from __future__ import annotations

import importlib.util
import logging
import pickle
import struct
import warnings
from pathlib import Path
from typing import Any

from porter.base.errors import NotInstalled
from porter.base.installed import how_to_install
from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, TensorInfo, numpy_dtype

logger = logging.getLogger(__name__)


class TorchFile(Checkpoint):
    """A `.bin` file whose storages stay mapped until they are read.

    Raises:
        NotInstalled: there is no torch, and only torch reads this format.
        CheckpointError: the file is cut off, holds code, or holds something else than named tensors.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if importlib.util.find_spec("torch") is None:
            raise NotInstalled(f"{path.name} can only be read with torch.", hint=how_to_install("torch"))
        self._state = _load(path)
        self.tensors = {
            name: TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
            for name, tensor in self._state.items()
        }

    def read(self, name: str) -> Array:
        """The tensor `name`; bfloat16 as ml_dtypes has it."""
        import torch

        tensor = self._state[name].detach().resolve_conj().resolve_neg().contiguous()
        if tensor.dtype == torch.bfloat16:
            raw: Array = tensor.view(torch.int16).numpy()
            return raw.view(numpy_dtype("bfloat16"))
        array: Array = tensor.numpy()
        return array

    def close(self) -> None:
        """Let go of the mapped storages."""
        self._state = {}


# What PyTorch's readers of either format end with on bytes that are not theirs.
DAMAGED = (RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
           MemoryError, AssertionError, ImportError, struct.error)  # fmt: skip


def _load(path: Path) -> dict[str, Any]:
    import torch

    mapped = _is_zip(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own quantized tensors, which are refused below
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        hint = "porter never runs code out of a checkpoint; ask its author for safetensors"
        raise CheckpointError(f"{path} holds more than tensors and was not loaded.", hint=hint) from error
    except DAMAGED as error:
        reason = "it is cut off or damaged" if path.is_file() else "there is no such file"
        raise CheckpointError(f"{path} cannot be read: {reason}.", hint="download it again") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} holds no table of named tensors.")
    return _named_tensors(state, path)


def _named_tensors(state: dict[Any, Any], path: Path) -> dict[str, Any]:
    """The table of tensors: the whole file, or the only such table in what a training run has saved.

    Raises:
        CheckpointError: there is none, or several.
    """
    if _are_tensors(state):
        return _plain(state, path)
    inside = {key: value for key, value in state.items() if isinstance(value, dict) and value and _are_tensors(value)}
    if len(inside) == 1:
        (key,) = inside
        logger.info("%s: the tensors are those under %r.", path, key)
        return _plain(inside[key], path)
    if inside:
        listed = ", ".join(map(repr, inside))
        raise CheckpointError(f"{path} holds several tables of tensors: {listed}.", hint="save the one that is meant")
    name = next(name for name, value in state.items() if not _are_tensors({name: value}))
    raise CheckpointError(f"{path} holds {name!r}, which is not a tensor.")


def _plain(state: dict[str, Any], path: Path) -> dict[str, Any]:
    """The table, if every tensor of it simply holds its numbers.

    Raises:
        CheckpointError: naming one that is quantized, sparse, nested or without numbers.
    """
    import torch

    for name, tensor in state.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_nested:
            raise CheckpointError(
                f"{path} holds {name!r} in a form that is quantized, sparse, nested or without numbers."
            )
    return dict(state)


def _are_tensors(table: dict[Any, Any]) -> bool:
    import torch

    return all(isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in table.items())


def _is_zip(path: Path) -> bool:
    """torch maps only its newer, zipped format."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False
