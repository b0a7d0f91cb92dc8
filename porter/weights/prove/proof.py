"""How a TensorFlow model is proven against PyTorch: as a whole, or block by block where memory is short."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from diffcheck.compare.metrics import Bound as Tolerance
from diffcheck.record.values import Flattened
from porter.subject.inputs.trials import Trial
from porter.weights.formats import whole_format_in
from porter.weights.formats.served_model import Served
from porter.weights.in_background import Written
from porter.weights.prove.blocks import BlockWatch, choose_blocks, stopping, stopping_layers, trial_of_run
from porter.weights.prove.differences import (
    Bound,
    Noise,
    Verification,
    compared,
    rounding,
    run_tensorflow,
    run_torch,
    verify,
)
from porter.weights.prove.lockstep import in_lockstep
from porter.weights.prove.memory import Room, return_freed_memory
from porter.weights.prove.reference import Reference, TorchSource
from porter.weights.prove.served import servable
from porter.weights.prove.tf_blocks import Twins, in_blocks, weights_of
from porter.weights.prove.torch_blocks import load_in_blocks

Answer = TypeVar("Answer")


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
    """What was found.

    Attributes:
        verification: how far each output is from PyTorch's.
        causes: sentences that say where a difference comes from.
        blocks: where the models were compared block by block.
        same_bits: the weights were found to be those of an earlier proof, bit by bit, and the verification is its.
    """

    verification: Verification
    causes: tuple[str, ...] = ()
    blocks: BlockSummary | None = None
    same_bits: bool = False


class Prover(ABC):
    """Compares a TensorFlow class with the PyTorch model in `torch`.

    Differences are allowed up to `max_error`; where it is passed, PyTorch's own rounding is measured.
    """

    def __init__(self, torch: TorchSource, max_error: float) -> None:
        self.torch, self.max_error = torch, max_error

    @abstractmethod
    def crossload(self, model_class: Any, seed: int, written: Written) -> tuple[Reference, Proof]:
        """What PyTorch makes of the trials of this seed, and the class with PyTorch's weights compared with that."""

    def has_read_back(self, folder: Path) -> bool:
        """Whether `crossload` found the weights that were written to the folder to be PyTorch's, bit by bit."""
        return False

    @abstractmethod
    def reload(self, model_class: Any, folder: Path, reference: Reference) -> Proof:
        """The class with the TensorFlow weights of a folder compared."""

    @abstractmethod
    def _noise(self, reference: Reference) -> Noise:
        """PyTorch's own rounding on the trials."""

    def _judged(self, reference: Reference, found: Verification) -> tuple[Reference, Verification]:
        """The verdict with rounding in mind, and the reference, which knows the rounding if it had to be measured."""
        if reference.noise is None and not found.matches and found.may_be_rounding:
            reference = replace(reference, noise=self._noise(reference))
        return reference, found.within(Bound(self.max_error, reference.noise))


class Whole(Prover):
    """Each model is loaded as a whole, one after the other."""

    def crossload(self, model_class: Any, seed: int, written: Written) -> tuple[Reference, Proof]:
        """What PyTorch makes of the trials of this seed, and the class with PyTorch's weights compared with that."""
        torch_model = self.torch.load()
        reference = Reference.of(
            torch_model, run_torch(torch_model, seed, processed=self.torch.processed(torch_model))
        )
        del torch_model
        model = model_class.from_pretrained(self.torch.folder, from_pt=True)
        return self._compared(model, reference)

    def reload(self, model_class: Any, folder: Path, reference: Reference) -> Proof:
        """The class with the TensorFlow weights of a folder compared."""
        whole = whole_format_in(folder)
        if whole is None:
            return self._compared(model_class.from_pretrained(folder), reference)[1]
        model = whole.load(folder / whole.file, model_class)
        if isinstance(model, Served):
            reference = servable(model, reference)
        return self._compared(model, reference)[1]

    def _compared(self, model: Any, reference: Reference) -> tuple[Reference, Proof]:
        found = verify(reference.outputs, model, reference.trials, Bound(self.max_error))
        reference, found = self._judged(reference, found)
        return reference, Proof(found, () if found.matches else tuple(self._culprit(reference, model, found)))

    def _noise(self, reference: Reference) -> Noise:
        """PyTorch's own rounding on the trials."""
        return rounding(self.torch.load(), reference.trials, reference.outputs)

    def _culprit(self, reference: Reference, model: Any, found: Verification) -> list[str]:
        """Where the first difference comes from, as `porter diff` says it."""
        from diffcheck.pipeline import diff

        trial = next(trial for trial in reference.trials if trial.name == found.first_failed)
        if trial.before is not None:
            return ["Without a cache all outputs match, so keys and values are kept or continued wrongly."]
        return diff(self.torch.load(), model, trial.inputs).sentences()


class BlockByBlock(Prover):
    """Weights are read when a block needs them; those of both models together take at most `limit` bytes.

    Where the class loads the same bits from what was written as from PyTorch's file, it computes the same with them
    and is not run again.
    """

    def __init__(self, torch: TorchSource, max_error: float, limit: int) -> None:
        super().__init__(torch, max_error)
        self._limit = limit
        self._blocks: tuple[str, ...] = ()
        self._read_back: dict[Path, Proof] = {}

    def crossload(self, model_class: Any, seed: int, written: Written) -> tuple[Reference, Proof]:
        """Both models side by side; every block of TensorFlow's is also run alone on PyTorch's inputs."""
        folder = written.wait()
        with (
            self._room() as room,
            weights_of(model_class, self.torch.folder, from_pt=True) as weights,
            weights_of(model_class, folder, from_pt=False) as in_folder,
        ):
            twins = Twins(weights, in_folder)
            tf_model, model = in_blocks(weights, room, twins.read), self._torch_model(room)
            watch = BlockWatch(self._blocks, Tolerance(self.max_error))
            pairs = _SideBySide(tf_model, watch)
            with watch.watching(model, tf_model):
                reference = Reference.of(model, run_torch(model, seed, pairs, self.torch.processed(model)))
            same = twins.are_same()
        reference, found = self._judged(reference, compared(reference.outputs, pairs.outputs, Bound(self.max_error)))
        summary = BlockSummary(len(self._blocks), len(watch.worst), watch.greatest, room.most)
        proof = Proof(found, () if found.matches else tuple(watch.sentences()), summary)
        if same:
            self._read_back[folder] = replace(proof, blocks=None, same_bits=True)
        return reference, proof

    def has_read_back(self, folder: Path) -> bool:
        """Whether `crossload` found the weights that were written to the folder to be PyTorch's, bit by bit."""
        return folder in self._read_back

    def reload(self, model_class: Any, folder: Path, reference: Reference) -> Proof:
        """The class with the TensorFlow weights of a folder compared."""
        if folder in self._read_back:
            return self._read_back[folder]
        with self._room() as room, weights_of(model_class, folder, from_pt=False) as weights:
            tf_model = in_blocks(weights, room, weights.read)
            with stopping_layers(tf_model, self._blocks):
                outputs = in_lockstep(lambda trial: run_tensorflow(tf_model, trial), reference.trials)
        by_name = dict(zip((trial.name for trial in reference.trials), outputs, strict=True))
        return Proof(self._judged(reference, compared(reference.outputs, by_name, Bound(self.max_error)))[1])

    def _noise(self, reference: Reference) -> Noise:
        """PyTorch's own rounding on the trials."""
        with self._room() as room:
            model = self._torch_model(room)
            with stopping(model, self._blocks):
                return rounding(model, reference.trials, reference.outputs, in_lockstep)

    def _torch_model(self, room: Room) -> Any:
        model = load_in_blocks(self.torch.find(), self.torch.folder, room)
        self._blocks = choose_blocks(model, self._limit // 2)
        return model

    @contextmanager
    def _room(self) -> Iterator[Room]:
        return_freed_memory()
        room = Room(self._limit)
        yield room
        room.clear()


class _SideBySide:
    """Carries out a function of PyTorch's trials, and runs the TensorFlow model on them at the same time.

    Attributes:
        outputs: TensorFlow's, of the trials that PyTorch had an answer for.
    """

    def __init__(self, model: Any, watch: BlockWatch) -> None:
        self._model, self._watch = model, watch
        self._errors: dict[str, Exception] = {}
        self.outputs: dict[str, Flattened] = {}

    def __call__(self, function: Callable[[Trial], Answer], items: Sequence[Trial]) -> list[Answer]:
        def run(task: tuple[bool, Trial]) -> Answer | None:
            is_tensorflow, trial = task
            trial_of_run.set(trial.name)
            if not is_tensorflow:
                return self._pytorch(function, trial)
            self._tensorflow(trial)
            return None

        found = in_lockstep(run, [(side, trial) for side in (False, True) for trial in items])
        for trial in items:
            if trial.name in self._errors and trial.name not in self._watch.given_up:
                raise self._errors[trial.name]
        return found[: len(items)]  # type: ignore[return-value]

    def _pytorch(self, function: Callable[[Trial], Answer], trial: Trial) -> Answer:
        answer = function(trial)
        if answer is None:
            self._watch.given_up.add(trial.name)
        return answer

    def _tensorflow(self, trial: Trial) -> None:
        if trial.name in self._watch.given_up:
            return
        try:
            self.outputs[trial.name] = run_tensorflow(self._model, trial)
        except Exception as error:  # noqa: BLE001 - whether it is one is known when PyTorch has run on the trial too
            self._errors[trial.name] = error
