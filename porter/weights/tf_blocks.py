"""A TensorFlow model whose weights are read when they are used and forgotten when others need the room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from porter.runtime.loading import check, converted, loading_info, paired
from porter.runtime.pairing import Move
from porter.runtime.repository import Repository
from porter.runtime.tensor_source import Array, Checkpoint, CheckpointError, fill, numpy_dtype
from porter.runtime.transformers4 import current_names
from porter.weights.memory import Room
from porter.weights.plan import build_without_weights

# Where a tensor of TensorFlow's has to begin: at a multiple of so many bytes, for the widest registers.
ALIGNMENT = 64


@contextmanager
def loaded_in_blocks(model_class: Any, folder: Path, room: Room, *, from_pt: bool) -> Iterator[Any]:
    """The model with the weights of the folder, as `from_pretrained` would load them, but read as they are used.

    Raises:
        CheckpointError: the weights do not fit, or one is missing.
    """
    repository = Repository(str(folder))
    with repository.torch_checkpoint() if from_pt else repository.tf_checkpoint() as file:
        model = build_without_weights(model_class, repository.configuration(model_class.config_class), file, from_pt)
        checkpoint = converted(file, model) if from_pt else current_names(file, model)
        pairing, named = paired(model, checkpoint, from_pt=from_pt)
        check(model, pairing, loading_info(model, pairing, from_pt=from_pt), ignore_mismatched=False)
        if pairing.missing:
            raise CheckpointError(f"{folder} lacks weights of {model_class.__name__}: {pairing.missing[0]}.")
        for move in pairing.moves:
            variable = named[move.name].variable
            # A Keras variable without numbers of its own takes them from its initializer, each time it is used.
            variable._initializer = _reader(move, checkpoint, room)
        yield model


def _reader(move: Move, checkpoint: Checkpoint, room: Room) -> Callable[..., Any]:
    def read(dtype: Any) -> Any:
        return _tensor(move.target.layout.to_keras(checkpoint.read(move.source)), numpy_dtype(dtype))

    def initializer(shape: tuple[int, ...], dtype: Any = None) -> Any:
        size = int(np.prod(shape)) * numpy_dtype(str(dtype)).itemsize
        key = ("tensorflow", move.target.path, dtype)
        return room.get(key, size, lambda: read(str(dtype)))

    return initializer


def _tensor(array: Array, dtype: np.dtype[Any]) -> Any:
    """The numbers as a TensorFlow tensor, copied once: it lies where TensorFlow can take the copy itself."""
    import tensorflow as tf

    copied = fill(_aligned(array.shape, dtype), array)
    return tf.experimental.dlpack.from_dlpack(copied.__dlpack__()) if dtype.kind == "f" else tf.constant(copied)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
