"""The values that say what is ported and on what it is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class InputSpec:
    """One argument of a model's forward.

    gen tells how its numbers are made: {"kind": "randint", "low", "high"}, {"kind": "normal", "std"},
    {"kind": "uniform", "low", "high"}, "ones", "zeros", "arange", {"kind": "values", "data"} or, for a plain
    python value without shape and dtype, {"kind": "py", "value"}.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    gen: Mapping[str, object]


@dataclass(frozen=True)
class ModelCase:
    """One model class: its own inputs where they differ from the case's, and what its numbers prove.

    noise is PyTorch's own float32 against float64 error, scaled by max(1, max|output|); None where not measured.
    """

    name: str
    inputs: tuple[InputSpec, ...] | None = None
    comparable: bool = True
    noise: float | None = None


@dataclass(frozen=True)
class Case:
    """One tiny configuration and the models that are run with it.

    `arguments` are those of the constructor, as `porter.runtime.model.json_arguments` reads them, for models that take
    no configuration of transformers; None for all others.
    """

    id: str
    config_module: str
    config_class: str
    config: Mapping[str, object]
    inputs: tuple[InputSpec, ...]
    models: tuple[ModelCase, ...]
    arguments: Mapping[str, object] | None = None

    def inputs_of(self, model: ModelCase) -> tuple[InputSpec, ...]:
        """The model's own inputs, else the case's."""
        return self.inputs if model.inputs is None else model.inputs


@dataclass(frozen=True)
class Subject:
    """What is ported: a PyTorch modeling file, and cases (several = variants of the configuration) to run it on.

    failures: model class -> why PyTorch could not run it, so that it is ported unproven.
    """

    name: str
    file: Path
    source: str
    module_name: str
    cases: tuple[Case, ...]
    failures: Mapping[str, str]
