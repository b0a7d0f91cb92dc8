"""What config.json says of a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.reading import read_json
from porter.runtime.stored.checkpoint import inside


def architecture(model_dir: Path) -> str:
    """The PyTorch class that config.json names.

    Raises:
        UsageError: there is no config.json, or it names no class, or several.
    """
    named = read_config(model_dir).get("architectures")
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        found = ", ".join(map(str, named)) if isinstance(named, list) and named else "no class"
        hint = "name one there; porter pt-to-tf takes --override-model-class NAME or --tf FILE:CLASS instead"
        raise UsageError(f"The config.json in {model_dir} names {found} as its architecture.", hint=hint)
    return named[0]


def read_config(model_dir: Path) -> dict[str, Any]:
    """The config.json of a checkpoint as a table.

    Raises:
        UsageError: there is none, or it is not a JSON table.
    """
    path = model_dir / "config.json"
    if not path.exists():
        raise UsageError(f"There is no {path}.", hint="give a folder that save_pretrained wrote")
    inside(model_dir, path.name)
    config = read_json(path)
    if not isinstance(config, dict):
        raise UsageError("The configuration is not a JSON object.", place=str(path))
    return config
