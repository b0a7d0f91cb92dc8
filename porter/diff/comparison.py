"""What `porter diff` was asked for, and the report on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from porter.base import console
from porter.base.byte_size import size
from porter.base.early_checks import check_input_file, check_tf
from porter.base.errors import UsageError
from porter.base.installed import need
from porter.base.plain_options import PlainOptions
from porter.base.scratch import scratch_folder
from porter.hub.fetch import has_tensorflow
from porter.runtime.model.beside import PATTERN

if TYPE_CHECKING:
    from diffcheck import Options, Report


@dataclass(frozen=True)
class Request:
    """The two sides, the inputs, and what is to be looked at; each as the option of its name."""

    recordings: tuple[Path, ...]
    model: str | None
    tf: str | None
    candidate: Path | None
    inputs: Path | None
    trust_remote_code: bool
    tolerance: float
    layer_by_layer: bool
    gradients: bool
    training: bool
    float64: bool
    max_memory: str | None
    plain: PlainOptions
    signature: str = ""

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            UsageError: a side is missing or given twice, or an option does not go with the sides.
        """
        check_tf(self.tf)
        check_input_file("--inputs", self.inputs)
        self.plain.check("--torch FILE:CLASS")
        if self.max_memory:
            size(self.max_memory, "--max-memory 4GB")
        if not 0 < self.tolerance < 1:
            raise UsageError(f"A tolerance of {self.tolerance} is not between 0 and 1.")
        if self.plain.torch is not None:
            self._check_plain()
            return
        wanted = 2 if self.candidate is None else 1
        if bool(self.recordings) == bool(self.model) or (self.recordings and len(self.recordings) != wanted):
            raise UsageError("Either --model or two recordings are compared.", hint="porter diff --model ./my-model")
        if self.candidate is not None and self.tf is not None:
            raise UsageError("--candidate and --tf name two candidates.", hint="leave one of them out")
        if self.signature and (self.exported is None or not self.exported.is_dir()):
            raise UsageError("--signature is about a SavedModel.", hint="--candidate FOLDER")
        if self.exported is not None and (self.gradients or self.training):
            raise UsageError("An exported file has no gradients: --gradients and --training need --tf.")
        if self.recordings and (self.float64 or self.gradients or self.training):
            raise UsageError("Recordings cannot be run again: --float64, --gradients and --training need --model.")

    def _check_plain(self) -> None:
        if self.model or self.recordings or self.candidate is not None:
            sentence = "--torch goes with --tf, not with --model, --candidate or recordings."
            raise UsageError(sentence, hint="leave one of them out")
        if self.inputs is not None and self.plain.inputs:
            raise UsageError("--input and --inputs both name the inputs.", hint="leave one of them out")

    @property
    def converted(self) -> Path | None:
        """The candidate, where it is a folder with the weights that `porter pt-to-tf` wrote."""
        folder = self.candidate
        return folder if folder is not None and folder.is_dir() and has_tensorflow(folder) else None

    @property
    def exported(self) -> Path | None:
        """The candidate, where it is an exported file or a SavedModel, perhaps in the folder that pt-to-tf wrote."""
        if self.candidate is None or self.converted is not None:
            return None
        inside = self.candidate / "saved_model"
        return inside if inside.is_dir() else self.candidate

    def report(self) -> Report:
        """Run what is to be run, and compare."""
        with console.working("compare"):
            return self._report()

    def _report(self) -> Report:
        if self.plain.torch is not None:
            return _compare_plain(self)
        if self.exported is not None:
            return _compare_file(self, self.exported)
        if self.model is None and self.candidate is not None:
            sentence = "A recording is compared with an exported file, and this folder holds weights."
            raise UsageError(sentence, hint="--model ./my-model", place=str(self.candidate))
        if self.model is None:
            return _compare_recordings(self)
        with scratch_folder() as scratch:
            return _compare_models(self, self.model, scratch)


def _compare_file(request: Request, candidate: Path) -> Report:
    from porter.diff.candidate import Candidate, compare_candidate, compare_with_recording

    if request.model is None:
        return compare_with_recording(request.recordings[0], candidate, request.tolerance, request.trust_remote_code)
    sides = Candidate(candidate, request.model, request.inputs, request.trust_remote_code, request.signature)
    return compare_candidate(sides, request.tolerance, request.float64)


def _compare_models(request: Request, model: str, scratch: Path) -> Report:
    need("torch", "tensorflow", "transformers")
    from porter.diff.model_sides import check_names, load_for_diff
    from porter.hub.fetch import Fetch, local_copy
    from porter.hub.trust import model_named_by
    from porter.port.find_port import find_port
    from porter.subject.inputs.for_checkpoint import inputs_for, read_inputs, variations_of
    from porter.subject.torch_checkpoint import load_torch

    trusted = request.trust_remote_code
    folder = local_copy(model, Fetch(with_code=trusted))
    weights = request.converted or folder
    has_code = request.converted is not None and any(weights.glob(PATTERN))
    port = find_port(weights if has_code else folder, request.tf, scratch, trusted)

    def load() -> Any:
        console.doing("PyTorch's model")
        return load_torch(folder, trust_remote_code=trusted, named=model_named_by(request.tf))

    def load_candidate() -> Any:
        console.doing("TensorFlow's model")
        return load_for_diff(weights, port, from_pt=request.converted is None)

    loaded = load()
    given = read_inputs(request.inputs) if request.inputs else inputs_for(folder, loaded, trust=trusted)
    check_names(loaded, given)
    options = _options(request, {} if request.inputs else variations_of(given))
    return _run(_Loaders([loaded], load, load_candidate), given, options)


def _compare_plain(request: Request) -> Report:
    """A plain module and its port, with the weights of a file or strong ones that are drawn.

    A port is scaffolded where none is named.
    """
    need("torch", "tensorflow", "transformers")
    from porter.diff.model_sides import check_names
    from porter.port.plain_pair import MORE, Named, PlainPair
    from porter.subject.inputs.for_checkpoint import read_inputs
    from porter.subject.inputs.parse_input import as_spec

    from_file = read_inputs(request.inputs) if request.inputs else {}
    specs = [as_spec(name, array) for name, array in from_file.items()]
    with scratch_folder() as scratch:
        pair = PlainPair.of(Named.of(request.plain, request.tf, specs), scratch)
        loaded = pair.pytorch()
        given, others = pair.inputs(loaded)
        check_names(loaded, given)
        options = _options(request, {} if from_file else {MORE: others})
        return _run(_Loaders([loaded], pair.pytorch, pair.tensorflow), given, options)


@dataclass(frozen=True)
class _Loaders:
    """How both models are loaded; `ready` holds PyTorch's, once, where it has been loaded already."""

    ready: list[Any]
    pytorch: Callable[[], Any]
    tensorflow: Callable[[], Any]


def _run(sides: _Loaders, given: Mapping[str, object], options: Options) -> Report:
    """Compare the two models.

    Raises:
        UsageError: PyTorch does not run on the inputs, or --max-memory leaves no room.
    """
    import diffcheck

    pytorch = diffcheck.Loader(lambda: sides.ready.pop() if sides.ready else sides.pytorch())
    try:
        return diffcheck.diff(pytorch, diffcheck.Loader(sides.tensorflow), given, options)
    except diffcheck.InputsRefused as error:
        raise UsageError(f"PyTorch does not run on these inputs: {error}", hint="--inputs FILE.npz") from error
    except diffcheck.TooLittleMemory as error:
        raise UsageError(f"--max-memory: {error}") from error


def _options(request: Request, variations: Mapping[str, Mapping[str, object]]) -> Options:
    from diffcheck import Options
    from porter.runtime.model.loading import weight_axes

    return Options(
        request.tolerance,
        request.layer_by_layer,
        axes=weight_axes,
        gradients=request.gradients,
        training=request.training,
        float64=request.float64,
        max_memory=size(request.max_memory, "--max-memory 4GB") if request.max_memory else None,
        variations=variations,
    )


def _compare_recordings(request: Request) -> Report:
    """Two files that `porter record` wrote.

    Raises:
        UsageError: one of them is none.
    """
    import diffcheck
    from diffcheck.record.storage import NotARecording, load

    try:
        reference, candidate = (load(file) for file in request.recordings)
    except NotARecording as error:
        raise UsageError(str(error), hint="porter record --model ./my-model --output pytorch.rec") from error
    return diffcheck.diff_recordings(reference, candidate, diffcheck.Options(request.tolerance))
