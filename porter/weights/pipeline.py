"""From a folder with PyTorch weights to a folder with TensorFlow weights, proven on the way."""

from __future__ import annotations

import gc
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diffcheck.values import Flattened
from porter import console
from porter.errors import LeftOver
from porter.port_source import PortSource, find_port, load_class, torch_class
from porter.runtime.checkpoint import open_checkpoint
from porter.runtime.loading import FORMER_BUFFERS
from porter.runtime.tensor_source import Checkpoint, CheckpointError
from porter.weights.convert import Target, convert
from porter.weights.output import check_free, copy_companions, whole_folder
from porter.weights.plan import Plan, build_without_weights, make_plan
from porter.weights.readback import check_written
from porter.weights.trials import Trial, trials
from porter.weights.verify import Bound, Verification, rounding, run_torch, verify

CROSSLOAD, RELOAD = "crossload", "conversion"


@dataclass(frozen=True)
class Options:
    """What to convert, where to, and how exact it has to be."""

    source: Path
    output: Path
    tf: str | None = None
    max_error: float = 5e-5
    seed: int = 0
    target: Target = field(default_factory=Target)
    trust_remote_code: bool = False


@dataclass(frozen=True)
class Result:
    """What was written and what was proven: verifications by stage, `crossload` and `conversion`."""

    class_name: str
    files: tuple[str, ...]
    unexpected: tuple[str, ...]
    trials: tuple[str, ...]
    verifications: Mapping[str, Verification]
    max_error: float
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """The result as JSON, in a versioned form."""
        return {
            "schema": 1,
            "class": self.class_name,
            "matches": all(verification.matches for verification in self.verifications.values()),
            "max_error": self.max_error,
            "differences": {
                stage: {"outputs": verification.max_output, "hidden_states": verification.max_hidden}
                for stage, verification in self.verifications.items()
            },
            "trials": list(self.trials),
            "unused": list(self.unexpected),
            "files": list(self.files),
            "seconds": {stage: round(seconds, 3) for stage, seconds in self.seconds.items()},
        }


def run(options: Options) -> Result:
    """Convert, verify, and only then let the output appear.

    Raises:
        UsageError: something is missing, damaged or does not fit; nothing is written.
        LeftOver: the TensorFlow model differs from PyTorch; nothing is left at the output.
    """
    check_free(options.output)
    stages = Stages()
    with (
        open_checkpoint(options.source) as checkpoint,
        tempfile.TemporaryDirectory(prefix="porter-") as scratch,
        whole_folder(options.output) as folder,
    ):
        with stages.stage("port"):
            port = find_port(options.source, options.tf, Path(scratch), options.trust_remote_code)
            model_class = load_class(port)
            plan = plan_for(options, model_class, checkpoint)
        with stages.stage("pytorch"):
            reference = record_reference(options, port)
            check_unused(plan, model_class, reference.parameters)
        with stages.stage(CROSSLOAD):
            model = model_class.from_pretrained(options.source, from_pt=True)
            verifications = {CROSSLOAD: check(options, port, reference, model, CROSSLOAD)}
            del model
            gc.collect()
        with stages.stage("convert"):
            write_folder(options, port, plan, checkpoint, folder)
        with stages.stage(RELOAD):
            model = model_class.from_pretrained(folder)
            verifications[RELOAD] = check(options, port, reference, model, RELOAD)
        files = tuple(sorted(file.name for file in folder.iterdir()))
    names = tuple(trial.name for trial in reference.trials)
    unexpected = plan.pairing.unexpected
    return Result(port.class_name, files, unexpected, names, verifications, options.max_error, stages.seconds)


@dataclass
class Stages:
    """How long each stage took, told on the way."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done in the block."""
        started = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - started
        console.say(f"{name}: {self.seconds[name]:.1f} s")


@dataclass(frozen=True)
class Reference:
    """The trials and what PyTorch made of them."""

    trials: tuple[Trial, ...]
    outputs: Mapping[str, Flattened]
    parameters: frozenset[str]


def record_reference(options: Options, port: PortSource) -> Reference:
    """PyTorch's outputs; the model itself is dropped again."""
    model = load_torch(options, port)
    made = trials(model, options.seed)
    return Reference(tuple(made), run_torch(model, made), frozenset(model.state_dict()))


def load_torch(options: Options, port: PortSource) -> Any:
    """The PyTorch model with its weights, eager attention, in eval mode.

    Raises:
        CheckpointError: PyTorch itself lacks weights or cannot load them.
    """
    import torch
    import transformers

    name = port.class_name.removeprefix("TF")
    transformers.utils.logging.disable_progress_bar()
    model_class = torch_class(options.source, name, options.trust_remote_code)
    try:
        model, info = model_class.from_pretrained(
            options.source,
            attn_implementation="eager",
            dtype=torch.float32,
            output_loading_info=True,
            local_files_only=True,
        )
    except (OSError, RuntimeError, ValueError) as error:
        first = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"PyTorch cannot load {name} from {options.source}: {first}") from error
    if info["missing_keys"]:
        missing = ", ".join(sorted(info["missing_keys"])[:3])
        raise CheckpointError(f"{options.source} lacks weights of {name}, such as {missing}.")
    return model.eval()


def check(options: Options, port: PortSource, reference: Reference, model: Any, stage: str) -> Verification:
    """Compare; where the bound is passed, ask whether PyTorch's own rounding explains it.

    Raises:
        LeftOver: it does not.
    """
    verification = verify(reference.outputs, model, reference.trials, Bound(options.max_error))
    if verification.matches:
        return verification
    torch_model = load_torch(options, port)
    noise = rounding(torch_model, reference.trials, reference.outputs)
    verification = verify(reference.outputs, model, reference.trials, Bound(options.max_error, noise))
    if verification.matches:
        return verification
    failed = next(result.trial for result in verification.results if result.failures)
    inputs = next(trial.inputs for trial in reference.trials if trial.name == failed)
    raise LeftOver("\n".join([headline(verification, options, stage), *culprit(torch_model, model, inputs)]))


def headline(verification: Verification, options: Options, stage: str) -> str:
    """What differs, tensor by tensor, the first ten of them."""
    sentences = verification.sentences()
    more = [f"... and {len(sentences) - 10} more"] if len(sentences) > 10 else []
    title = f"TensorFlow differs from PyTorch ({stage}, {options.max_error:.0e} allowed); nothing was written."
    return "\n".join([title, *(f"  {line}" for line in sentences[:10] + more)])


def culprit(torch_model: Any, tf_model: Any, inputs: Mapping[str, Any]) -> list[str]:
    """Where the difference comes from, as `porter diff` says it."""
    from diffcheck.pipeline import diff

    return [f"  {line}" for line in diff(torch_model, tf_model, inputs).sentences()[:10]]


def check_unused(plan: Plan, model_class: Any, parameters: Collection[str]) -> None:
    """Refuse a TensorFlow class that has no place for a weight that PyTorch uses.

    Raises:
        LeftOver: naming the first of them.
    """
    prefix = f"{model_class.base_model_prefix}."
    for name in plan.pairing.unexpected:
        spellings = {name, prefix + name, name.removeprefix(prefix)}
        if spellings & set(parameters) and not any(re.search(pattern, name) for pattern in FORMER_BUFFERS):
            raise LeftOver(f"{plan.class_name} has no place for {name}, which PyTorch uses; nothing was written.")


def plan_for(options: Options, model_class: Any, checkpoint: Checkpoint) -> Plan:
    """The plan for the checkpoint's own configuration; no variable is allocated."""
    config = model_class.config_class.from_pretrained(options.source, local_files_only=True)
    return make_plan(build_without_weights(model_class, config), checkpoint)


def write_folder(options: Options, port: PortSource, plan: Plan, checkpoint: Checkpoint, folder: Path) -> None:
    """Weights, companions and the modeling file; the weights are read back and compared bit by bit."""
    files = convert(plan, checkpoint, folder, options.target)
    check_written(plan, checkpoint, files, options.target)
    copy_companions(options.source, folder)
    shutil.copyfile(port.file, folder / port.file.name)
