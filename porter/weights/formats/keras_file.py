"""`tf_model.keras`: the model with its configuration and weights, as Keras saves it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.reasons import reason
from porter.subject.inputs.trials import Trial
from porter.weights.formats.kinds import WholeFormat


def write(model: Any, path: Path, _trials: Iterable[Trial]) -> None:
    """Save the model."""
    model.save(path)


def load(path: Path, model_class: Any) -> Any:
    """The model.

    Raises:
        UsageError: the file is damaged, holds a model of another class, or names modules that Keras would import.
    """
    import keras

    foreign = sorted(modules_named(path) - {model_class.__module__})
    if foreign:
        raise UsageError(
            f"{path} names the module {foreign[0]}, which is not Keras'.", hint="load its weights instead"
        )
    try:
        model = keras.saving.load_model(path)
    except (ValueError, TypeError, KeyError, OSError, AttributeError) as error:
        raise UsageError(f"Keras does not load {path}: {reason(error)}") from error
    if not isinstance(model, model_class):
        raise UsageError(f"{path} holds a {type(model).__name__}, not a {model_class.__name__}.")
    return model


def modules_named(path: Path) -> set[str]:
    """The modules outside Keras that a file names: Keras imports whatever stands there.

    Raises:
        UsageError: it is not a file of Keras.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            waiting = [json.loads(archive.read("config.json"))]
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise UsageError("This is not a .keras file, or it is damaged.", place=str(path)) from error
    found = set()
    while waiting:
        part = waiting.pop()
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        if isinstance(part, dict) and isinstance(part.get("module"), str):
            found.add(part["module"])
    return {name for name in found if name.partition(".")[0] not in ("keras", "builtins")}


FORMAT = WholeFormat("keras", "tf_model.keras", write, load)
