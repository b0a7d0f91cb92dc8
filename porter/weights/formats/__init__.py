"""The formats of TensorFlow weights. A file here that declares a FORMAT is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from porter.weights.formats.kinds import TensorFormat, WeightFormat, WholeFormat

__all__ = ["TensorFormat", "WeightFormat", "WholeFormat", "all_formats", "whole_format_in"]


@cache
def all_formats() -> Mapping[str, WeightFormat]:
    """Every declared format by name."""
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    declared = (module.FORMAT for module in modules if hasattr(module, "FORMAT"))
    return {each.name: each for each in sorted(declared, key=lambda each: (isinstance(each, WholeFormat), each.name))}


def whole_format_in(folder: Path) -> WholeFormat | None:
    """The format of the whole model that lies in a folder; None where there is none."""
    whole = (each for each in all_formats().values() if isinstance(each, WholeFormat))
    return next((each for each in whole if (folder / each.file).exists()), None)
