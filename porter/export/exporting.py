"""From a checkpoint to a folder with an exported file, compared with PyTorch before the folder appears."""

from __future__ import annotations

import json
import math
import resource
import shlex
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from porter import __version__
from porter.base import console, files
from porter.base.byte_size import size
from porter.base.early_checks import check_input_file, check_tf
from porter.base.errors import LeftOver, UsageError
from porter.base.installed import need
from porter.base.reasons import reason
from porter.export.declaration import Format, Job, Request, format_named
from porter.export.feature import DEFAULT, Feature, feature_named, features_of
from porter.export.loaded_model import Loaded, load
from porter.export.memory_need import check_memory, open_weights
from porter.export.parts import giving_cache
from porter.export.samples import samples_of
from porter.export.tensorflow_weights import load_from_tensorflow
from porter.export.validation import Validation, ports, validate_piece
from porter.hub.configuration import architecture, read_config
from porter.hub.fetch import Fetch, local_copy
from porter.hub.trust import FLAG, model_named_by
from porter.runtime.stored.repository import Repository
from porter.subject.locate import unknown_name
from porter.subject.plausible_sizes import check_sizes
from porter.subject.torch_class import torch_class
from porter.subject.torch_model import RUN_ERRORS
from porter.weights.convert.output_folder import check_free, copy_companions, whole_folder
from porter.weights.report.conversion_report import sha256

MANIFEST = "export.json"
SCHEMA = 1
MULTIPLE_CHOICE = "multiple-choice"
VERSIONED = ("torch", "transformers", "onnx", "onnxruntime", "onnxscript", "tensorflow", "keras", "tf2onnx",
             "ai-edge-litert")  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What was written, and how it compares with PyTorch.

    Attributes:
        folder: the output.
        feature: what it was exported for.
        validations: one a file.
        manifest: what export.json says.
    """

    folder: Path
    feature: Feature
    validations: tuple[Validation, ...]
    manifest: Mapping[str, Any]

    @property
    def matches(self) -> bool:
        """Whether every file matches PyTorch."""
        return all(each.matches for each in self.validations)

    @property
    def files(self) -> tuple[Path, ...]:
        """The exported files."""
        return tuple(dict.fromkeys(self.folder / each.piece.file.name for each in self.validations))

    def sentences(self) -> list[str]:
        """What differs, where something does."""
        return [line for each in self.validations for line in each.sentences()]


def run(request: Request, model: Any = None) -> Exported:
    """Export, compare, and only then let the output appear.

    Args:
        request: what is wanted.
        model: a PyTorch model of transformers, in place of the folder that the request names.

    Raises:
        UsageError: something is missing or does not fit, or no exporter takes the model; nothing is written.
        LeftOver: a file differs from PyTorch; nothing is left at the output unless the request keeps it.
    """
    declared, started = format_named(request.format), time.monotonic()
    need(*declared.packages)
    check_options(declared, request)
    check_given(request)
    if request.max_memory is not None:
        size(request.max_memory, "--max-memory 8GB")
    check_free(request.output)
    with whole_folder(request.output) as folder:
        job = prepared(request, folder, model)
        console.say(f"exporting {job.feature.class_name} ...")
        with giving_cache(job.torch, job.feature.with_past):
            first, *others = declared.export(job)
        pieces = [replace(first, notes=(*job.loaded.notes, *job.samples.notes, *first.notes)), *others]
        validations = []
        for piece in pieces:
            console.say(f"comparing {piece.label} with PyTorch on {len(piece.trials)} inputs ...")
            validations.append(validate_piece(piece, request.atol))
        manifest = {**manifest_of(job, validations), **_spent(started)}
        exported = Exported(request.output, job.feature, tuple(validations), manifest)
        if not exported.matches and not request.keep:
            title = f"The exported file differs from PyTorch ({request.atol:.0e} allowed); nothing was written."
            raise LeftOver("\n  ".join([title, *exported.sentences()]), hint="--keep leaves it for a look")
        if job.source is not None:
            copy_companions(job.source, folder)
        files.write_text(folder / MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return exported


def check_options(declared: Format, request: Request) -> None:
    """Refuse options that the format does not know, and values that they cannot have.

    Raises:
        UsageError: naming the first of them.
        NotInstalled: an option needs a package that is not there.
    """
    foreign = sorted(set(request.options) - declared.options)
    if foreign:
        option = f"--{foreign[0].replace('_', '-')}"
        raise UsageError(f"{option} does not go with {declared.name}.", hint="porter export --help")
    if declared.check is not None:
        declared.check(request)


def check_given(request: Request) -> None:
    """Refuse files that are not there and a bound that allows everything, before anything is loaded.

    Raises:
        UsageError: naming the first of them.
    """
    check_tf(request.options.get("tf"))
    check_input_file("--inputs", request.given.inputs)
    if not math.isfinite(request.atol):
        raise UsageError(f"--atol {request.atol} allows every difference.", hint="--atol 1e-3")


def prepared(request: Request, folder: Path, model: Any = None) -> Job:
    """The loaded PyTorch model and its inputs.

    Raises:
        UsageError: the checkpoint is broken, the feature unknown, or PyTorch runs on no inputs.
    """
    source = None
    if model is None:
        source = local_copy(request.model, Fetch(with_code=request.trust_remote_code))
        with open_weights(source) as checkpoint:
            check_sizes(read_config(source), source / "config.json", checkpoint.tensors)
        feature = feature_of(source, request)
        check_memory(format_named(request.format), source, request.max_memory)
        loaded = _loaded(source, feature.class_name, request)
    else:
        feature = feature_named(request.feature, model.config, type(model).__name__)
        if feature.class_name != type(model).__name__:
            raise UsageError(f"{feature} is computed by {feature.class_name}, not by {type(model).__name__}.")
        loaded = Loaded(model.eval())
    with giving_cache(loaded.torch, feature.with_past):
        choices = feature.name == MULTIPLE_CHOICE
        samples = samples_of(loaded.torch, source, request.given, choices, request.trust_remote_code)
    return Job(request, source, feature, loaded, samples, folder)


def _loaded(source: Path, class_name: str, request: Request) -> Loaded:
    """The PyTorch model of a folder, of TensorFlow's weights where there are no others."""
    trust, named = request.trust_remote_code, named_by(request)
    if not Repository(str(source)).holds_only_tf_weights():
        return load(source, class_name, trust, named)
    made_by = torch_class(source, class_name, trust, named)
    config = configuration(made_by.config_class, source)
    return load_from_tensorflow(source, made_by, config, request.options.get("tf"), trust)


def named_by(request: Request) -> str | None:
    """The model whose code the user has named with --tf."""
    return model_named_by(request.options.get("tf"))


def feature_of(source: Path, request: Request) -> Feature:
    """The feature of a checkpoint that the user names, else that of config.json's class."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    name, model_type = architecture(source), read_config(source).get("model_type")
    config_class = CONFIG_MAPPING.get(model_type) if request.feature is not None else None
    if config_class is None:
        config_class = torch_class(source, name, request.trust_remote_code, named_by(request)).config_class
    return feature_named(request.feature, configuration(config_class, source), name)


def configuration(config_class: Any, source: Path) -> Any:
    """The configuration of a folder.

    Raises:
        UsageError: the class does not take what config.json says.
    """
    try:
        return config_class.from_pretrained(source, local_files_only=True)
    except RUN_ERRORS as error:
        sentence = f"{config_class.__name__} does not take this configuration: {reason(error)}"
        raise UsageError(sentence, place=str(source / "config.json")) from error


def manifest_of(job: Job, validations: list[Validation]) -> dict[str, Any]:
    """What export.json says: what was exported from what, by which versions, and how it was proven."""
    return {
        "schema": SCHEMA,
        "format": job.request.format,
        "model": job.request.model,
        "class": job.feature.class_name,
        "feature": str(job.feature),
        "atol": job.request.atol,
        **_declared(job.request),
        "matches": all(each.matches for each in validations),
        "versions": {"porter": __version__, **_versions()},
        "files": {each.piece.label: _file(each) for each in validations},
        "verify": [] if job.source is None else [_verify(job, each) for each in validations],
    }


def _declared(request: Request) -> dict[str, Any]:
    """The inputs that the user declared, without which the file cannot be compared again."""
    declared = request.given.declared
    return {} if declared is None else {"declared": declared.described()}


def _spent(started: float) -> dict[str, Any]:
    """The time since then, and the most memory that this process had."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": round(time.monotonic() - started, 1),
        "peak_memory": most * (1 if sys.platform == "darwin" else 1024),
    }


def _verify(job: Job, validation: Validation) -> str:
    """The command that compares a file again; of a quantized one, that it lost no more."""
    request, piece = job.request, validation.piece
    own_code = named_by(request) is not None and not type(job.torch).__module__.startswith("transformers.")
    words = ["porter", "diff", "--model", request.model, "--candidate", str(request.output / piece.file.name)]
    words += ["--signature", piece.signature] if piece.signature else []
    words += ["--inputs", str(request.given.inputs)] if request.given.inputs is not None and not piece.part else []
    allowed = validation.allowed(request.atol)
    words += [] if allowed == Request.atol else ["--tolerance", f"{allowed:g}"]
    words += [FLAG] if request.trust_remote_code or own_code else []
    return shlex.join(words)


def _file(validation: Validation) -> dict[str, Any]:
    piece = validation.piece
    return {
        "kind": piece.kind,
        "part": piece.part,
        "signature": piece.signature,
        "inputs": ports(validation.graph.inputs),
        "outputs": ports(validation.graph.outputs),
        **piece.facts,
        "compared_on": [each.trial for each in validation.compared if each.trial not in validation.bound],
        "breaks_on": list(validation.bound),
        "greatest_difference": validation.worst(),
        "bytes": sum(part.stat().st_size for part in _parts(piece.file)),
        "milliseconds": round(validation.milliseconds(), 3) if validation.matches else None,
        "notes": list(validation.notes()),
        "sha256": _hashes(piece.file),
    }


def _hashes(path: Path) -> dict[str, str]:
    return {str(part.relative_to(path.parent)): sha256(part) for part in _parts(path)}


def _parts(path: Path) -> list[Path]:
    """The files of a folder, or a file and its weights beside it."""
    parts = sorted(path.rglob("*")) if path.is_dir() else [path, path.with_name(f"{path.name}.data")]
    return [part for part in parts if part.is_file()]


def _versions() -> dict[str, str]:
    found = {}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def list_features(model: str, trust_remote_code: bool = False) -> list[Feature]:
    """The features of a model type, a folder or a repository; without a class in transformers, config.json's own.

    Raises:
        UsageError: the model is none of them, or its config.json is broken.
    """
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    if model in CONFIG_MAPPING:
        return features_of(CONFIG_MAPPING[model]())
    if "/" not in model and not Path(model).is_dir():
        raise unknown_name(model)
    source = local_copy(model, Fetch(with_code=trust_remote_code))
    name = architecture(source)
    model_type = read_config(source).get("model_type")
    if model_type not in CONFIG_MAPPING:
        return [Feature(DEFAULT, name)]
    check_sizes(read_config(source), source / "config.json")
    return features_of(configuration(CONFIG_MAPPING[model_type], source))
