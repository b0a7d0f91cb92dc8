"""`tf_model.keras`: the model with its configuration and weights, as Keras saves it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.subject.inputs.trials import Trial
from porter.weights.formats.kinds import WholeFormat


def write(model: Any, path: Path, _trials: Iterable[Trial]) -> None:
    """Save the model."""
    model.save(path)


def load(path: Path, model_class: Any) -> Any:
    """The model.

    Raises:
        UsageError: the file holds a model of another class.
    """
    import keras

    model = keras.saving.load_model(path)
    if not isinstance(model, model_class):
        raise UsageError(f"{path} holds a {type(model).__name__}, not a {model_class.__name__}.")
    return model


FORMAT = WholeFormat("keras", "tf_model.keras", write, load)
