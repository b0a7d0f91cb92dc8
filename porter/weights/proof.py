"""How a TensorFlow model is proven against PyTorch: as a whole, or block by block where memory is short."""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diffcheck.metrics import Bound as Tolerance
from diffcheck.values import Flattened
from porter.weights.blocks import BlockWatch, choose_blocks, stopping, trial_of_run
from porter.weights.lockstep import in_lockstep
from porter.weights.memory import Room
from porter.weights.reference import Reference, TorchSource
from porter.weights.tf_blocks import loaded_in_blocks
from porter.weights.torch_blocks import load_in_blocks
from porter.weights.trials import Trial, trials
from porter.weights.verify import (
    Bound,
    Verification,
    compared,
    rounding,
    run_tensorflow,
    run_torch,
    torch_outputs,
    verify,
)


@dataclass(frozen=True)
class BlockSummary:
    """How a comparison block by block went.

    Attributes:
        blocks: parts that the model was divided into.
        compared: of them, those that TensorFlow ran alone on PyTorch's inputs.
        max_relative: greatest difference of such a block over max(1, max|PyTorch's output|); None: no number.
        weight_bytes: the most that weights took at one time.
    """

    blocks: int
    compared: int
    max_relative: float | None
    weight_bytes: int


@dataclass(frozen=True)
class Proof:
    """What was found: a verification, and the sentences that say where a difference comes from."""

    verification: Verification
    causes: tuple[str, ...] = ()
    blocks: BlockSummary | None = None


class Prover(ABC):
    """Compares a TensorFlow class with weights in a folder with the PyTorch model in `torch`."""

    def __init__(self, torch: TorchSource, max_error: float) -> None:
        self.torch, self.max_error = torch, max_error

    @abstractmethod
    def reference(self, seed: int) -> Reference:
        """PyTorch's outputs on the trials of this seed."""

    @abstractmethod
    def prove(self, reference: Reference, model_class: Any, folder: Path, *, from_pt: bool) -> Proof:
        """Compare; where the bound is passed, measure whether PyTorch's own rounding explains it."""


class Whole(Prover):
    """Each model is loaded as a whole, one after the other."""

    def reference(self, seed: int) -> Reference:
        """PyTorch's outputs on the trials of this seed."""
        model = self.torch.load()
        made = trials(model, seed)
        return Reference(tuple(made), run_torch(model, made), frozenset(model.state_dict()))

    def prove(self, reference: Reference, model_class: Any, folder: Path, *, from_pt: bool) -> Proof:
        """Compare; where the bound is passed, measure whether PyTorch's own rounding explains it."""
        model = model_class.from_pretrained(folder, from_pt=from_pt)
        found = verify(reference.outputs, model, reference.trials, Bound(self.max_error))
        if not found.matches and found.may_be_rounding:
            noise = rounding(self.torch.load(), reference.trials, reference.outputs)
            found = found.within(Bound(self.max_error, noise))
        causes = () if found.matches else tuple(self._culprit(reference, model, found.first_failed))
        del model
        gc.collect()
        return Proof(found, causes)

    def _culprit(self, reference: Reference, model: Any, trial_name: str) -> list[str]:
        """Where the difference on a trial comes from, as `porter diff` says it."""
        from diffcheck.pipeline import diff

        trial = next(trial for trial in reference.trials if trial.name == trial_name)
        if trial.before is not None:
            return ["Without a cache all outputs match, so keys and values are kept or continued wrongly."]
        return diff(self.torch.load(), model, trial.inputs).sentences()


class BlockByBlock(Prover):
    """Weights are read when a block needs them; those of both models together take at most `limit` bytes."""

    def __init__(self, torch: TorchSource, max_error: float, limit: int) -> None:
        super().__init__(torch, max_error)
        self._limit = limit

    @contextmanager
    def _torch_model(self, room: Room) -> Iterator[tuple[Any, tuple[str, ...]]]:
        model = load_in_blocks(self.torch.find(), self.torch.folder, room)
        yield model, choose_blocks(model, self._limit // 2)

    def reference(self, seed: int) -> Reference:
        """PyTorch's outputs on the trials of this seed."""
        with self._torch_model(Room(self._limit)) as (model, blocks), stopping(model, blocks):
            made = trials(model, seed, in_lockstep)
            return Reference(tuple(made), run_torch(model, made, in_lockstep), frozenset(model.state_dict()))

    def prove(self, reference: Reference, model_class: Any, folder: Path, *, from_pt: bool) -> Proof:
        """Compare; where the bound is passed, measure whether PyTorch's own rounding explains it."""
        room = Room(self._limit)
        with self._torch_model(room) as (model, blocks):
            watch = BlockWatch(blocks, Tolerance(self.max_error))
            with loaded_in_blocks(model_class, folder, room, from_pt=from_pt) as tf_model:
                outputs = _side_by_side(model, tf_model, reference.trials, watch)
            found = compared(reference.outputs, outputs, Bound(self.max_error))
            if not found.matches and found.may_be_rounding:
                with stopping(model, blocks):
                    noise = rounding(model, reference.trials, reference.outputs, in_lockstep)
                found = found.within(Bound(self.max_error, noise))
        summary = BlockSummary(len(blocks), len(watch.worst), watch.greatest, room.most)
        return Proof(found, () if found.matches else tuple(watch.sentences()), summary)


def _side_by_side(model: Any, tf_model: Any, made: tuple[Trial, ...], watch: BlockWatch) -> dict[str, Flattened]:
    """TensorFlow's outputs by trial; each block of it comes after PyTorch's."""

    def run(task: tuple[bool, Trial]) -> Flattened:
        is_tensorflow, trial = task
        trial_of_run.set(trial.name)
        return run_tensorflow(tf_model, trial) if is_tensorflow else torch_outputs(model, trial)

    with watch.watching(model, tf_model):
        found = in_lockstep(run, [(side, trial) for side in (False, True) for trial in made])
    return dict(zip((trial.name for trial in made), found[len(made) :], strict=True))
