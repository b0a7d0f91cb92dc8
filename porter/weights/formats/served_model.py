"""A SavedModel to be served: the graph of the model behind a signature."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from porter.runtime.stored.tensor_source import Array
from porter.subject.inputs.trials import Trial
from porter.weights.formats.kinds import WholeFormat

MASK = "attention_mask"
SERVING = "serving_default"


def write(model: Any, path: Path, trials: Iterable[Trial]) -> None:
    """Write a SavedModel that takes what the trials give, in any batch and length."""
    write_functions(model, path, {SERVING: serving_function(model, signature_of(trials))})


def serving_function(model: Any, signature: Mapping[str, Any]) -> Any:
    """The model as a `tf.function` of one mapping of tensors, to those of its outputs that are tensors.

    Args:
        model: the Keras model.
        signature: a `tf.TensorSpec` by input name.
    """
    import tensorflow as tf

    @tf.function(input_signature=[dict(signature)])
    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        outputs = model(**inputs)
        return {name: value for name, value in outputs.items() if tf.is_tensor(value)}

    return serve


def write_functions(model: Any, path: Path, functions: Mapping[str, Any]) -> None:
    """Write a SavedModel with a signature for each of these functions of one mapping of tensors.

    Args:
        model: the Keras model whose variables they use.
        path: the folder to be made.
        functions: by the names of the signatures.
    """
    import tensorflow as tf

    with _unlogged():
        tf.saved_model.save(model, path, signatures=dict(functions))


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
