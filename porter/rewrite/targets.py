"""The one table from bare names to imports, a column per target. No rule knows the target."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from porter import runtime

_METHOD = re.compile(r"^ {4,}def (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """Where a generated file imports its names from: `modules` by bare name, `runtime` for all the rest.

    `layers` are those of the runtime's names that are Keras layers, `methods` what its classes' methods are called.
    """

    name: str
    modules: Mapping[str, str]
    runtime: str
    exports: frozenset[str]
    layers: frozenset[str]
    methods: frozenset[str]


@cache
def standalone() -> Target:
    """Generated files on porter.runtime and Keras 3, beside transformers 5."""
    modules = {
        "keras": "import keras",
        "np": "import numpy as np",
        "tf": "import tensorflow as tf",
        "math": "import math",
        "contextlib": "import contextlib",
    }
    folder = Path(runtime.__file__).parent
    exports = runtime.EXPORTED | _imported_names(folder / "outputs" / "__init__.py")
    return Target("standalone", modules, "porter.runtime", exports, runtime.LAYERS, _methods(folder))


def _methods(folder: Path) -> frozenset[str]:
    """What the methods of a package's classes are called, read from its text."""
    texts = (file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    return frozenset(name for text in texts for name in _METHOD.findall(text))


def _imported_names(file: Path) -> frozenset[str]:
    """The names that a package's `__init__` imports, read from its text without importing TensorFlow."""
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)
