"""PyTorch models of a case, with strong weights."""

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from huggingface_hub.errors import StrictDataclassError

from porter.base.errors import UsageError
from porter.subject.case import Case, Subject
from porter.subject.strong_weights import strengthen

# What the code of a model raises when it is given inputs or a configuration that it does not take.
RUN_ERRORS = (ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError,
              RuntimeError, StrictDataclassError, TypeError, ValueError)  # fmt: skip


@contextmanager
def trial_runs() -> Iterator[None]:
    """Runs of foreign code on odd inputs: its warnings say nothing, one thread is fastest for tiny tensors."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(threads)


def build_config(case: Case, **changes: object) -> Any:
    """The case's configuration with eager attention; `changes` override its fields."""
    try:
        config_class = getattr(importlib.import_module(case.config_module), case.config_class)
        config = config_class(**copy.deepcopy({**case.config, **changes}))
    except Exception as error:
        message = f"{case.config_class} does not take this configuration: {error}"
        raise UsageError(message, hint="correct the case's config", place=case.id) from error
    config._attn_implementation = "eager"
    return config


def build_torch_model(
    subject: Subject, case: Case, class_name: str, module: ModuleType | None = None, config: Any = None
) -> Any:
    """The PyTorch model with strong weights, in eval mode, with eager attention.

    `module` holds the class instead of the original module (the watched copy); `config` replaces the case's.
    """
    import torch

    torch.manual_seed(0)
    np.random.seed(0)  # some models draw from numpy's global state while they are built
    model_class = getattr(module or importlib.import_module(subject.module_name), class_name)
    model = model_class(build_config(case) if config is None else config).eval()
    strengthen(model)
    return model
