"""Keep PyTorch's compiler and TensorFlow, which cannot be loaded in any order, from ending the process."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

COMPILER = "triton"  # comes with PyTorch's builds for GPUs
TENSORFLOW = "tensorflow"


def keep_apart() -> None:
    """Have triton loaded before TensorFlow, or not at all where TensorFlow is there already.

    Both carry LLVM. Loaded second, triton ends the process; PyTorch loads it when something asks for it, which may be
    long after, and does without it where it cannot be imported.
    """
    if TENSORFLOW in sys.modules:
        sys.modules.setdefault(COMPILER, None)  # type: ignore[arg-type]  # Python's way to say: not to be imported
    elif not any(isinstance(finder, _CompilerFirst) for finder in sys.meta_path):
        sys.meta_path.insert(0, _CompilerFirst())


def load_compiler() -> None:
    """Import triton, where it is installed."""
    with contextlib.suppress(ImportError):
        importlib.import_module(COMPILER)


class _CompilerFirst(importlib.abc.MetaPathFinder):
    """Finds nothing itself: it loads triton when TensorFlow is looked for, to be imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == TENSORFLOW:
            load_compiler()
        return None
