"""A SavedModel to be served: the graph of the model behind a signature."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from porter.runtime.stored.tensor_source import Array
from porter.subject.inputs.trials import Trial
from porter.weights.formats.kinds import WholeFormat

MASK = "attention_mask"
SERVING = "serving_default"
NO_OTHERS: Mapping[str, Any] = MappingProxyType({})


def write(model: Any, path: Path, trials: Iterable[Trial], others: Mapping[str, Any] = NO_OTHERS) -> None:
    """Write a SavedModel that takes what the trials give, in any batch and length.

    Args:
        model: the Keras model.
        path: the folder to be made.
        trials: inputs in several sizes.
        others: functions of one mapping of tensors for further signatures, by their names.
    """
    import tensorflow as tf

    signature = signature_of(trials)

    @tf.function(input_signature=[signature])
    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        outputs = model(**inputs)
        return {name: value for name, value in outputs.items() if tf.is_tensor(value)}

    with _unlogged():
        tf.saved_model.save(model, path, signatures={SERVING: serve, **others})


@contextmanager
def _unlogged() -> Iterator[None]:
    """TensorFlow warns of each input whose name has a dot; the signature keeps the name."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def signature_of(trials: Iterable[Trial]) -> dict[str, Any]:
    """The inputs of the trial that has most of them; sizes in which trials differ are open, as the batch is."""
    import tensorflow as tf

    plain = [trial for trial in trials if trial.before is None]
    fullest = max(plain, key=lambda trial: len(trial.inputs))
    specs = {}
    for name, array in fullest.inputs.items():
        found = [trial.inputs[name].shape for trial in plain if name in trial.inputs]
        if name == MASK:  # it is as long as what it masks
            found += [value.shape for trial in plain for value in trial.inputs.values() if value.ndim == array.ndim]
        sizes = zip(*(shape for shape in found if len(shape) == array.ndim), strict=True)
        shape = [None, *(each[0] if len(set(each)) == 1 else None for each in list(sizes)[1:])]
        specs[name] = tf.TensorSpec(shape, array.dtype, name=name)
    return specs


class Served:
    """A SavedModel behind its signature, called as a model is."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(folder)
        self._serve: Any = self._loaded.signatures[SERVING]
        self.names = frozenset(self._serve.structured_input_signature[1])
        self.outputs = frozenset(self._serve.structured_outputs)

    def call(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The outputs by name."""
        outputs: Mapping[str, Any] = self._serve(**inputs)
        return outputs

    __call__ = call

    def variables(self) -> list[Array]:
        """The numbers of all its variables."""
        return [np.asarray(variable) for variable in self._serve.variables]


def load(path: Path, _model_class: Any) -> Served:
    """The SavedModel; no class is needed."""
    return Served(path)


FORMAT = WholeFormat("saved-model", "saved_model", write, load)
