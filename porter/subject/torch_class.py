"""The PyTorch class of a checkpoint."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError


def torch_class(model_dir: Path, name: str, trust_remote_code: bool = False) -> Any:
    """The PyTorch class `name`: transformers' own, else the one in the modeling file that porter finds for the folder.

    Raises:
        UsageError: neither has it.
    """
    import transformers

    found = getattr(transformers, name, None)
    if found is None:
        from porter.subject.locate import locate

        module = locate(str(model_dir), trust_remote_code).module_name
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type):
        raise UsageError(f"There is no PyTorch class {name}.", hint="check architectures in config.json")
    return found
