"""Formats that hold a model as a whole, code or graph included: `tf_model.keras`, and a SavedModel to be served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.record.values import Flattened, is_tensor
from porter.base.errors import LeftOver, UsageError
from porter.runtime.stored.tensor_source import Array, Checkpoint, same_bits
from porter.subject.inputs.trials import Trial
from porter.weights.plan.plan import Plan
from porter.weights.prove.reference import Reference

KERAS_FILE, SAVED_MODEL = "tf_model.keras", "saved_model"
FORMATS = {"keras": KERAS_FILE, "saved-model": SAVED_MODEL}
MASK = "attention_mask"


def check_type(plan: Plan, weight_format: str, dtype: str | None) -> None:
    """Refuse what would be widened unasked: these formats hold the model's own float32.

    Raises:
        UsageError: weights are of another type and the user did not ask for float32.
    """
    narrow = sorted({info.dtype for info in plan.stored.values() if info.dtype in ("float16", "bfloat16")})
    if dtype not in (None, "float32") or (narrow and dtype is None):
        kept = f"--dtype {dtype}" if dtype else narrow[0]
        raise UsageError(
            f"--format {weight_format} holds float32, not {kept}.",
            hint="--dtype float32 doubles the size; --format safetensors keeps the type",
        )


def write(model: Any, folder: Path, weight_format: str, trials: Iterable[Trial]) -> None:
    """Write a loaded model into the folder; a SavedModel takes what the trials give, in any batch and length."""
    if weight_format == "keras":
        model.save(folder / KERAS_FILE)
        return
    import tensorflow as tf

    signature = signature_of(trials)

    @tf.function(input_signature=[signature])
    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        outputs = model(**inputs)
        return {name: value for name, value in outputs.items() if tf.is_tensor(value)}

    tf.saved_model.save(model, folder / SAVED_MODEL, signatures=serve)


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


def is_there(folder: Path) -> bool:
    """Whether a folder holds one of these formats."""
    return any((folder / name).exists() for name in FORMATS.values())


def load(folder: Path, model_class: Any) -> Any:
    """The model in a folder; the class has been imported, so that Keras knows it."""
    if (folder / KERAS_FILE).exists():
        import keras

        model = keras.saving.load_model(folder / KERAS_FILE)
        if not isinstance(model, model_class):
            raise UsageError(f"{folder / KERAS_FILE} holds a {type(model).__name__}, no {model_class.__name__}.")
        return model
    return Served(folder / SAVED_MODEL)


class Served:
    """A SavedModel behind its signature, called as a model is."""

    def __init__(self, folder: Path) -> None:
        import tensorflow as tf

        self._loaded = tf.saved_model.load(folder)
        self._serve: Any = self._loaded.signatures["serving_default"]
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

    def reference(self, whole: Reference) -> Reference:
        """What of a reference it can be compared with: its own inputs and outputs.

        Raises:
            LeftOver: that is nothing.
        """
        trials = [made for trial in whole.trials if (made := self._given(trial)) is not None]
        outputs = {
            trial.name: Flattened({k: v for k, v in whole.outputs[trial.name].tensors.items() if k in self.outputs})
            for trial in trials
        }
        if not trials:
            raise LeftOver("The SavedModel takes none of the inputs that it was to be compared on.")
        return replace(whole, trials=tuple(trials), outputs=outputs)

    def _given(self, trial: Trial) -> Trial | None:
        """The trial with a mask if one must be given; None for one that the signature has no place for."""
        inputs = dict(trial.inputs)
        if MASK in self.names - set(inputs):
            inputs[MASK] = np.ones_like(next(value for value in inputs.values() if is_tensor(value)), dtype=np.int64)
        return replace(trial, inputs=inputs) if set(inputs) == self.names and trial.before is None else None


def check_written(model: Any, plan: Plan, checkpoint: Checkpoint) -> None:
    """Compare a loaded model's variables bit by bit with the checkpoint.

    Raises:
        LeftOver: one is absent or differs.
    """
    from porter.runtime.model.names import named_variables

    view = plan.view(checkpoint)
    served = model.variables() if isinstance(model, Served) else None
    named = {} if served is not None else {each.path: each.variable for each in named_variables(model).values()}
    for move in plan.moves:
        wanted = move.target.layout.to_keras(view.read(move.source)).astype(move.target.dtype)
        found = served if served is not None else [np.asarray(named[move.target.path])]
        if not any(same_bits(array, wanted) for array in found if array.shape == wanted.shape):
            raise LeftOver(f"{move.target.path} reads back other than it was written.", hint="check the disk")
