"""PyTorch's side of a conversion: what it makes of the trials, recorded so that the model itself can be dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcheck.values import Flattened
from porter.port_source import torch_class
from porter.runtime.tensor_source import CheckpointError
from porter.weights.trials import Trial, trials
from porter.weights.verify import Bound, Verification, rounding, run_torch, verify


@dataclass(frozen=True)
class TorchSource:
    """A folder with PyTorch weights and the class to load them with."""

    folder: Path
    class_name: str
    trust_remote_code: bool = False

    def load(self) -> Any:
        """The model in float32 with eager attention, in eval mode.

        Raises:
            CheckpointError: PyTorch itself lacks weights or cannot load them.
        """
        import torch
        import transformers

        transformers.utils.logging.disable_progress_bar()
        model_class = torch_class(self.folder, self.class_name, self.trust_remote_code)
        try:
            model, info = model_class.from_pretrained(
                self.folder,
                attn_implementation="eager",
                dtype=torch.float32,
                output_loading_info=True,
                local_files_only=True,
            )
        except (OSError, RuntimeError, ValueError) as error:
            first = str(error).strip().partition("\n")[0]
            raise CheckpointError(f"PyTorch cannot load {self.class_name} from {self.folder}: {first}") from error
        if info["missing_keys"]:
            missing = ", ".join(sorted(info["missing_keys"])[:3])
            raise CheckpointError(f"{self.folder} lacks weights of {self.class_name}, such as {missing}.")
        return model.eval()


@dataclass(frozen=True)
class Reference:
    """The trials, what PyTorch made of them, and the names of its weights."""

    trials: tuple[Trial, ...]
    outputs: Mapping[str, Flattened]
    parameters: frozenset[str]


def record_reference(source: TorchSource, seed: int) -> Reference:
    """PyTorch's outputs on the trials of this seed."""
    model = source.load()
    made = trials(model, seed)
    return Reference(tuple(made), run_torch(model, made), frozenset(model.state_dict()))


def compare_with(reference: Reference, model: Any, source: TorchSource, max_error: float) -> Verification:
    """Compare; where the bound is passed, measure whether PyTorch's own rounding explains it."""
    verification = verify(reference.outputs, model, reference.trials, Bound(max_error))
    if verification.matches or not verification.may_be_rounding:
        return verification
    noise = rounding(source.load(), reference.trials, reference.outputs)
    return verify(reference.outputs, model, reference.trials, Bound(max_error, noise))


def culprit(reference: Reference, model: Any, source: TorchSource, trial_name: str) -> list[str]:
    """Where the difference on a trial comes from, as `porter diff` says it."""
    from diffcheck.pipeline import diff

    trial = next(trial for trial in reference.trials if trial.name == trial_name)
    if trial.before is not None:
        return ["Without a cache all outputs match, so keys and values are kept or continued wrongly."]
    return diff(source.load(), model, trial.inputs).sentences()
