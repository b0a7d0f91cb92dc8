"""PyTorch's side of a conversion: what it makes of the trials, recorded so that the model itself can be dropped."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcheck.record.values import Flattened
from porter.runtime.stored.tensor_source import Array
from porter.subject.inputs.trials import Trial
from porter.subject.torch_checkpoint import load_torch
from porter.subject.torch_class import torch_class
from porter.weights.prove.differences import Noise, Recorded


@dataclass(frozen=True)
class TorchSource:
    """A folder with PyTorch weights and the class to load them with; ``named`` as in `torch_class`."""

    folder: Path
    class_name: str
    trust_remote_code: bool = False
    named: str | None = None

    def find(self) -> Any:
        """The class."""
        return torch_class(self.folder, self.class_name, self.trust_remote_code, self.named)

    def processed(self, model: Any) -> Mapping[str, Array]:
        """What the folder's own tokenizer, image processor and feature extractor make of samples."""
        from porter.subject.inputs.processors import processed_inputs

        names = inspect.signature(model.forward).parameters
        return processed_inputs(self.folder, names, self.trust_remote_code)

    def load(self) -> Any:
        """The model in float32 with eager attention, in eval mode."""
        trust, named = self.trust_remote_code, self.named
        return load_torch(self.folder, self.class_name, trust_remote_code=trust, named=named)


@dataclass(frozen=True)
class Reference:
    """The trials, what PyTorch made of them, the names of its weights, and its rounding where that was measured."""

    trials: tuple[Trial, ...]
    outputs: Mapping[str, Flattened]
    parameters: frozenset[str]
    noise: Noise | None = None

    @classmethod
    def of(cls, model: Any, recorded: Recorded) -> Reference:
        """What was recorded of the model."""
        outputs = {trial.name: found for trial, found in recorded}
        return cls(tuple(trial for trial, _ in recorded), outputs, frozenset(model.state_dict()))
