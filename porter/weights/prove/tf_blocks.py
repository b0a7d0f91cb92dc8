"""A TensorFlow model whose weights are read when they are used and forgotten when others need the room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from porter.runtime.keras_internals import read_from
from porter.runtime.model.loading import check, converted, loading_info, paired
from porter.runtime.model.transformers4 import current_names
from porter.runtime.stored.pairing import Move
from porter.runtime.stored.repository import Repository
from porter.runtime.stored.tensor_source import Array, Checkpoint, CheckpointError, fill, numpy_dtype, same_bits
from porter.weights.plan.plan import build_without_weights
from porter.weights.prove.memory import Room

# Where a tensor of TensorFlow's has to begin: at a multiple of so many bytes, for the widest registers.
ALIGNMENT = 64


@dataclass(frozen=True)
class Weights:
    """A model without numbers, and how each of its variables gets them.

    Attributes:
        model: as `from_pretrained` builds it.
        variables: by path.
        readers: of each, by path: read its array from the files.
    """

    model: Any
    variables: Mapping[str, Any]
    readers: Mapping[str, Callable[[], Array]]

    def read(self, path: str) -> Array:
        """A copy of the variable's array, in memory that TensorFlow can take over."""
        stored = self.readers[path]()
        return fill(_aligned(stored.shape, stored.dtype), stored)


@contextmanager
def weights_of(model_class: Any, folder: Path, *, from_pt: bool) -> Iterator[Weights]:
    """What `from_pretrained` would load from the folder; nothing is read before it is asked for.

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
        variables = {move.target.path: named[move.name].variable for move in pairing.moves}
        yield Weights(model, variables, {move.target.path: _reader(move, checkpoint) for move in pairing.moves})


def _reader(move: Move, checkpoint: Checkpoint) -> Callable[[], Array]:
    return lambda: move.target.layout.to_keras(checkpoint.read(move.source))


@dataclass
class Twins:
    """The weights of the same class in two folders, compared bit by bit as the first are read.

    Attributes:
        differing: paths of variables that differ.
    """

    first: Weights
    second: Weights
    differing: set[str] = field(default_factory=set)
    _compared: set[str] = field(default_factory=set)

    def read(self, path: str) -> Array:
        """The first folder's array."""
        array = self.first.read(path)
        if path not in self._compared:
            self._compared.add(path)
            if path not in self.second.readers or not same_bits(array, self.second.readers[path]()):
                self.differing.add(path)
        return array

    def are_same(self) -> bool:
        """Whether all weights are the same in both, those too that nobody has read."""
        for path in {*self.first.readers, *self.second.readers} - self._compared:
            if path not in self.first.readers:
                return False
            self.read(path)
        return not self.differing


def in_blocks(weights: Weights, room: Room, read: Callable[[str], Array]) -> Any:
    """The model, whose weights are read by path as they are used."""
    for path, variable in weights.variables.items():
        read_from(variable, _initializer(path, read, room))
    return weights.model


def _initializer(path: str, read: Callable[[str], Array], room: Room) -> Callable[..., Any]:
    def initializer(shape: tuple[int, ...], dtype: Any = None) -> Any:
        wanted = numpy_dtype(str(dtype))
        size = int(np.prod(shape)) * wanted.itemsize
        return room.get(("tensorflow", path, dtype), size, lambda: _tensor(read(path), wanted))

    return initializer


def _tensor(array: Array, dtype: np.dtype[Any]) -> Any:
    """The array that was read as a TensorFlow tensor, copied again only where the type is another."""
    import tensorflow as tf

    numbers = array if array.dtype == dtype else fill(_aligned(array.shape, dtype), array)
    return tf.experimental.dlpack.from_dlpack(numbers.__dlpack__()) if dtype.kind == "f" else tf.constant(numbers)


def _aligned(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
