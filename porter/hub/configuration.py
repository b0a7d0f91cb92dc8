"""What config.json says of a checkpoint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError


def architecture(model_dir: Path) -> str:
    """The PyTorch class that config.json names.

    Raises:
        UsageError: there is no config.json, or it names no class, or several.
    """
    named = read_config(model_dir).get("architectures")
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        found = ", ".join(map(str, named)) if isinstance(named, list) and named else "no class"
        hint = "--override-model-class NAME or --tf FILE:CLASS chooses one"
        raise UsageError(f"The config.json in {model_dir} names {found} as its architecture.", hint=hint)
    return named[0]


def read_config(model_dir: Path) -> dict[str, Any]:
    """The config.json of a checkpoint as a table.

    Raises:
        UsageError: there is none, or it is no JSON table.
    """
    path = model_dir / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"There is no {path}.", hint="give a folder that save_pretrained wrote") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no JSON file.") from error
    if not isinstance(config, dict):
        raise UsageError(f"{path} holds no configuration.")
    return config
