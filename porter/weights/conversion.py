"""From a folder with PyTorch weights to a folder with TensorFlow weights, proven on the way."""

from __future__ import annotations

import functools
import re
import shutil
import sys
import time
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porter.base import console
from porter.base.early_checks import tf_file
from porter.base.errors import LeftOver, PorterError, UsageError
from porter.base.reasons import kind_and_reason
from porter.base.scratch import scratch_folder
from porter.hub.configuration import read_config
from porter.hub.fetch import TORCH_WEIGHTS, has_tensorflow
from porter.hub.trust import is_known, model_named_by, remember
from porter.port.find_port import find_port
from porter.port.load import PortSource, load_class
from porter.runtime.model.beside import PATTERN
from porter.runtime.stored.checkpoint import open_checkpoint
from porter.runtime.stored.tensor_source import Checkpoint, CheckpointError
from porter.subject.plausible_sizes import check_sizes
from porter.weights.convert.convert import check_space, convert
from porter.weights.convert.output_folder import companions, copy_companions, whole_folder
from porter.weights.convert.readback import check_whole, check_written
from porter.weights.in_background import Stoppable, Written, beside
from porter.weights.options import Target, check_type
from porter.weights.plan import plan_cache
from porter.weights.plan.plan import Plan, build_without_weights, make_plan
from porter.weights.prove.memory import weight_limit
from porter.weights.prove.reference import Reference, TorchSource
from porter.weights.report.conversion_report import (
    BEFORE,
    FILE,
    Data,
    Result,
    bytes_in_words,
    hashes,
    sha256,
    write_report,
)
from porter.weights.report.model_card import write_card

if TYPE_CHECKING:
    from porter.weights.prove.proof import Proof, Prover

SOURCES = (*TORCH_WEIGHTS, "*.index.json", "config.json")
CROSSLOAD, RELOAD = "crossload", "conversion"
SHOWN = 5


@dataclass(frozen=True)
class Options:
    """What to convert, where to, and how exact it has to be.

    Attributes:
        source: folder with PyTorch weights.
        output: folder to be made.
        name: the source as the user called it.
        tf: `FILE[:CLASS]` of the TensorFlow side; None finds it.
        class_name: PyTorch class to load instead of the one that config.json names.
        revision: branch, tag or commit of the source, as the user gave it.
        max_memory: bytes that the process may take while models are compared; None: little more than it needs.
    """

    source: Path
    output: Path
    name: str
    tf: str | None = None
    class_name: str | None = None
    max_error: float = 5e-5
    seed: int = 0
    target: Target = field(default_factory=Target)
    with_code: bool = True
    trust_remote_code: bool = False
    max_memory: int | None = None
    revision: str | None = None


def asked_for(options: Options) -> dict[str, object]:
    """All that an output depends on, as the report holds it: the source's files by their SHA-256, and the options."""
    files = sorted({file for pattern in SOURCES for file in options.source.glob(pattern) if file.is_file()})
    given, class_name = tf_file(options.tf) if options.tf else (None, None)
    return {
        "source": options.name,
        "revision": options.revision,
        "weights": {file.name: sha256(file) for file in files},
        "tf": given and [sha256(given), class_name],
        "class": options.class_name,
        **asdict(options.target),
        "seed": options.seed,
        "max_error": options.max_error,
        "with_code": options.with_code,
    }


@dataclass(frozen=True)
class Conversion:
    """Both sides of one checkpoint, and the plan between them."""

    options: Options
    port: PortSource
    plan: Plan
    checkpoint: Checkpoint

    @functools.cached_property
    def model_class(self) -> Any:
        """The TensorFlow class; asking for it imports TensorFlow."""
        return load_class(self.port)

    @property
    def torch(self) -> TorchSource:
        """The PyTorch side."""
        name = self.port.class_name.removeprefix("TF")
        options = self.options
        return TorchSource(options.source, name, options.trust_remote_code, model_named_by(options.tf))

    def prover(self) -> Prover:
        """How the models are compared: as a whole if both fit into the memory that they may take."""
        import torch  # noqa: F401 - the memory that the frameworks take is not there for weights

        from porter.weights.prove.proof import BlockByBlock, Whole

        largest = max(prod(move.target.shape) for move in self.plan.moves) * 4
        limit = weight_limit(self.options.max_memory, largest)
        if 2 * self.plan.size_in_memory <= limit or self.options.target.whole_format:
            return Whole(self.torch, self.options.max_error)
        console.say(f"The weights of both models pass {bytes_in_words(limit)}: they are compared block by block.")
        return BlockByBlock(self.torch, self.options.max_error, limit)


@contextmanager
def prepared(options: Options) -> Iterator[Conversion]:
    """Open the checkpoint, find or make the TensorFlow class, and plan; no weight is read.

    Raises:
        UsageError: something is missing, damaged or does not fit.
    """
    with ExitStack() as stack:
        checkpoint = stack.enter_context(open_checkpoint(options.source))
        check_sizes(read_config(options.source), options.source / "config.json", checkpoint.tensors)
        scratch = stack.enter_context(scratch_folder())
        port = find_port(options.source, options.tf, scratch, options.trust_remote_code, options.class_name)
        yield Conversion(options, port, planned(port, options.source, checkpoint), checkpoint)


def planned(port: PortSource, folder: Path, checkpoint: Checkpoint) -> Plan:
    """The plan that an earlier run kept, else a new one.

    Raises:
        UsageError: a variable has no tensor, or one of another shape.
    """
    place = plan_cache.place_of(port, folder, checkpoint)
    kept = plan_cache.kept_plan(place, checkpoint)
    if kept is not None:
        return kept
    model_class = load_class(port)
    try:
        config = model_class.config_class.from_pretrained(folder, local_files_only=True)
        model = build_without_weights(model_class, config, checkpoint)
    except PorterError:
        raise
    except Exception as error:  # a port may be written by hand, and a configuration may hold anything
        message = f"{port.class_name} cannot be built as config.json says: {kind_and_reason(error)}"
        raise UsageError(message, place=str(folder)) from error
    plan = make_plan(model, checkpoint)
    if not model._untied:  # else the plan depends on the checkpoint's numbers
        plan_cache.keep_plan(place, plan)
    return plan


def run(options: Options) -> Data:
    """Convert, verify, and only then let the output appear; the report is returned and lies in the output.

    Raises:
        UsageError: something is missing, damaged or does not fit; nothing is written.
        LeftOver: the TensorFlow model differs from PyTorch; nothing is left at the output.
    """
    stages = Stages()
    with ExitStack() as stack:
        folder = stack.enter_context(whole_folder(options.output))
        with stages.stage("port"):
            conversion = stack.enter_context(prepared(options))
            beside_them = sum(file.stat().st_size for file in companions(options.source))
            check_space(conversion.plan, options.target, folder, beside_them)
            if options.target.whole_format:
                check_type(conversion.plan, options.target.format, options.target.dtype)
        copy_companions(options.source, folder)
        with beside(conversion.checkpoint) as worker:
            writing = worker.begin(functools.partial(write_weights, conversion, folder))
            digests = worker.begin(functools.partial(digests_of, writing))
            request = worker.begin(lambda _: asked_for(options))
            prover = conversion.prover()
            with stages.stage(CROSSLOAD):
                reference, crossload = prover.crossload(conversion.model_class, options.seed, Written(folder, writing))
                check_unused(conversion.plan, conversion.model_class, reference.parameters)
                check(crossload, CROSSLOAD, options.max_error)
            before = weights_before(conversion, prover, reference)
            with stages.stage("convert"):
                files = writing.result()
                if files and not prover.has_read_back(folder):
                    check_written(conversion.plan, conversion.checkpoint, files, options.target)
                write_rest(conversion, folder, reference)
        with stages.stage(RELOAD):
            reload = prover.reload(conversion.model_class, folder, reference)
            check(reload, RELOAD, options.max_error)
        result = Result(
            class_name=conversion.port.class_name,
            source=options.name,
            unused=conversion.plan.pairing.unexpected,
            trials=tuple(trial.name for trial in reference.trials),
            seed=options.seed,
            max_error=options.max_error,
            proofs={**before, CROSSLOAD: crossload, RELOAD: reload},
            seconds=stages.seconds,
            request=request.result(),
        )
        data = result.to_json(hashes(folder, digests.result()))
        write_report(folder, data)
        remember([folder / FILE])
    return data


@dataclass
class Stages:
    """How long each stage took, told on the way."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done in the block."""
        started = time.monotonic()
        with console.working(name):
            yield
        self.seconds[name] = time.monotonic() - started
        console.say(f"{name}: {self.seconds[name]:.1f} s")


def check(proof: Proof, stage: str, max_error: float) -> None:
    """Refuse a model that differs.

    Raises:
        LeftOver: the sentence names tensors and the part of the model that differs first.
    """
    if not proof.verification.matches:
        lines = [*proof.verification.sentences()[:SHOWN], *proof.causes[:SHOWN]]
        title = f"TensorFlow differs from PyTorch ({stage}, {max_error:.0e} allowed); nothing was written."
        raise LeftOver("\n  ".join([title, *lines]), hint="porter diff --layer-by-layer shows every module")


def check_unused(plan: Plan, model_class: Any, parameters: Collection[str]) -> None:
    """Refuse a TensorFlow class that has no place for a weight that PyTorch uses.

    Raises:
        LeftOver: naming the first of them.
    """
    from porter.runtime.model.loading import FORMER_BUFFERS

    prefix = f"{model_class.base_model_prefix}."
    for name in plan.pairing.unexpected:
        spellings = {name, prefix + name, name.removeprefix(prefix)}
        if spellings & set(parameters) and not any(re.search(pattern, name) for pattern in FORMER_BUFFERS):
            raise LeftOver(f"{plan.class_name} has no place for {name}, which PyTorch uses; nothing was written.")


def weights_before(conversion: Conversion, prover: Prover, reference: Reference) -> dict[str, Proof]:
    """How far the TensorFlow weights that lie in the source already are from PyTorch; empty if there are none."""
    source = conversion.options.source
    if not has_tensorflow(source):
        return {}
    try:
        return {BEFORE: prover.reload(conversion.model_class, source, reference)}
    except CheckpointError as error:
        console.say(f"The TensorFlow weights that are there already cannot be compared: {error}")
        return {}


def write_weights(conversion: Conversion, folder: Path, checkpoint: Checkpoint) -> list[Path]:
    """The files with the weights; none where the format holds a model as a whole."""
    target = conversion.options.target
    return [] if target.whole_format else convert(conversion.plan, checkpoint, folder, target)


def digests_of(writing: Future[list[Path]], checkpoint: Stoppable) -> dict[str, str]:
    """SHA-256 of the written files, by name."""
    digests = {}
    for file in writing.result():
        checkpoint.go_on()
        digests[file.name] = sha256(file)
    return digests


def write_rest(conversion: Conversion, folder: Path, reference: Reference) -> None:
    """The model, where the format holds it as a whole, the model card and the modeling file."""
    plan, options = conversion.plan, conversion.options
    whole = options.target.whole_format
    if whole is not None:
        model_class = conversion.model_class
        model = model_class.from_pretrained(options.source, from_pt=True)
        whole.write(model, folder / whole.file, reference.trials)
        check_whole(whole.load(folder / whole.file, model_class), plan, conversion.checkpoint)
    if not Path(options.name).is_dir():
        write_card(options.source, folder, options.name, plan)
    if options.with_code:
        code = code_of(conversion.port)
        for file in code:
            shutil.copyfile(file, folder / file.name)
        if options.tf or all(map(is_known, code)):  # not what only the flag of this run lets in
            remember(folder / file.name for file in code)


def code_of(port: PortSource) -> list[Path]:
    """The modeling file, the configuration files beside it that it names, and the ports there of models it holds."""
    folder, text = port.file.resolve().parent, port.file.read_text(encoding="utf-8")
    configurations = (file for file in sorted(folder.glob("configuration_*.py")) if file.stem in text)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    imported = {Path(file).resolve() for file in files if file}
    held = (file for file in sorted(folder.glob(PATTERN)) if file in imported and file != port.file.resolve())
    return [port.file, *configurations, *held]
