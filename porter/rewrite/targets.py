"""The one table from bare names to imports, a column per target. No rule knows the target."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from porter import runtime
from porter.base.errors import UsageError

_METHOD = re.compile(r"^ {4,}def (\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """Where a generated file imports its names from: `modules` by bare name, `runtime` for all the rest.

    Attributes:
        name: as `--target` has it.
        modules: import lines, by bare name.
        runtime: the module that has the other names.
        exports: what the runtime has.
        layers: those of its names that are Keras layers.
        methods: what its classes' methods are called.
        carried: the file beside a port that holds what the port uses of the runtime; empty where it is imported.
        copies: whether a comment of PyTorch's file that says what a class is copied from holds for its port.
        spelled: what this target's Keras calls a name of Keras 3, in what is carried.
    """

    name: str
    modules: Mapping[str, str]
    runtime: str
    exports: frozenset[str]
    layers: frozenset[str]
    methods: frozenset[str]
    carried: str = ""
    copies: bool = True
    spelled: Mapping[str, str] = field(default_factory=dict)


def target_named(name: str) -> Target:
    """The target of this name.

    Raises:
        UsageError: it is for another version of transformers than the one that is installed.
    """
    return transformers4() if name == "transformers4" else standalone()


_PLAIN = {
    "np": "import numpy as np",
    "tf": "import tensorflow as tf",
    "math": "import math",
    "contextlib": "import contextlib",
}
_OF_TREE = "from transformers.modeling_tf_utils import"


@cache
def standalone() -> Target:
    """Generated files on porter.runtime and Keras 3, beside transformers 5."""
    folder = Path(runtime.__file__).parent
    exports = runtime.EXPORTED | _imported_names(folder / "outputs" / "__init__.py")
    modules = {"keras": "import keras", **_PLAIN}
    return Target("standalone", modules, "porter.runtime", exports, runtime.LAYERS, _methods(folder))


@cache
def transformers4() -> Target:
    """Generated files on transformers 4's TensorFlow base classes and Keras 2; they import nothing of porter.

    Raises:
        UsageError: the transformers that is installed has no TensorFlow base classes, or is not a 4.57.
    """
    found = find_spec("transformers")
    folder = Path(str(found.origin)).parent if found is not None else None
    installed = _version("transformers")
    if folder is None or not installed.startswith("4.57.") or find_spec("tf_keras") is None:
        raise UsageError(
            "--target transformers4 needs transformers 4.57, TensorFlow and tf-keras; this environment has "
            f"transformers {installed or 'not'} {'and' if find_spec('tf_keras') else 'without'} tf-keras.",
            hint="pip install 'transformers==4.57.*' tf-keras, in an environment of its own",
        )
    base = standalone()
    theirs = _fields(folder / "modeling_tf_outputs.py")
    ours = [_fields(file) for file in (Path(runtime.__file__).parent / "outputs").glob("*.py")]
    # One of the tree's lacks a field that PyTorch's has.
    outputs = [name for each in ours for name in each if name in theirs and each[name] <= theirs[name]]
    modules = {
        "keras": f"{_OF_TREE} keras",
        "keras_serializable": f"{_OF_TREE} keras_serializable",
        "TFModelOutput": "from transformers.utils import ModelOutput as TFModelOutput",
        **{name: f"from transformers.modeling_tf_outputs import {name}" for name in sorted(outputs)},
        **_PLAIN,
    }
    return Target("transformers4", modules, "._tf_utils", base.exports, base.layers, base.methods, "_tf_utils.py",
                  False, _KERAS_2)  # fmt: skip


_KERAS_2: Mapping[str, str] = MappingProxyType(
    {
        "keras.Layer": "keras.layers.Layer",
        "keras.Variable": "tf.Variable",
        "keras.config.floatx": "keras.backend.floatx",
        "keras.name_scope": "tf.name_scope",
        "keras.ops.cast": "tf.cast",
        "keras.ops.convert_to_tensor": "tf.convert_to_tensor",
        "keras.ops.matmul": "tf.matmul",
        "keras.ops.silu": "tf.nn.silu",
    }
)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _fields(file: Path) -> dict[str, set[str]]:
    """The fields of each dataclass that a file defines, read from its text."""
    classes = (node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef))
    return {node.name: set(_annotated(node)) for node in classes}


def _annotated(node: ast.ClassDef) -> Iterator[str]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            yield each.target.id


def _methods(folder: Path) -> frozenset[str]:
    """What the methods of a package's classes are called, read from its text."""
    texts = (file.read_text(encoding="utf-8") for file in folder.rglob("*.py"))
    return frozenset(name for text in texts for name in _METHOD.findall(text))


def _imported_names(file: Path) -> frozenset[str]:
    """The names that a package's `__init__` imports, read from its text without importing TensorFlow."""
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    imports = (node for node in nodes if isinstance(node, ast.ImportFrom))
    return frozenset(alias.asname or alias.name for node in imports for alias in node.names)
