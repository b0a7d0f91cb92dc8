"""The PyTorch class of a checkpoint."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError


def torch_class(model_dir: Path, name: str, trust_remote_code: bool = False, named: str | None = None) -> Any:
    """The PyTorch class `name`: transformers' own, else the one in the modeling file that porter finds for the folder.

    Raises:
        UsageError: neither has it, it is not a model's class, or the code that has it is not trusted.
    """
    import torch
    import transformers

    found = getattr(transformers, name, None)
    if found is None:
        from porter.subject.locate import locate

        module = locate(str(model_dir.resolve()), trust_remote_code, named).module_name
        found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type) or not issubclass(found, torch.nn.Module):
        raise UsageError(f"There is no PyTorch class {name}.", hint="check architectures in config.json")
    return found
