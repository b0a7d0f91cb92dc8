"""ONNX files, by transformers' exporter on PyTorch's, in names and an opset that onnxruntime's users know."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.scratch import scratch_folder
from porter.export.axes import Axes, axes_of
from porter.export.declaration import Format, Job, Piece, Request
from porter.export.onnx.file_versions import DYNAMIC, write_optimized, write_quantized
from porter.export.onnx.from_port import check_convertible, write_from_port
from porter.export.onnx.naming import tidy
from porter.export.onnx.opset import OLDEST_EXPORTED, check_opset, converted
from porter.export.onnx.sharing import share_weights
from porter.export.onnx_inputs import DEFAULT_OPSET
from porter.export.other_sizes import OTHER, RESIZED, labels_of
from porter.export.parts import Part, parts_of, whole_name
from porter.export.ported_side import keras_model
from porter.export.validation import validate_piece
from porter.subject.inputs.trials import Trial
from porter.subject.torch_model import RUN_ERRORS

MODEL = "model"
ENDING = ".onnx"
FRAMEWORKS = ("pt", "tf")
_LOGGERS = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir", "transformers.exporters")
LARGEST_INSIDE = 1_900_000_000
"""Bytes of weights beyond which they stand in a file beside: a protobuf holds 2 GB."""
OPTIONS = frozenset({"opset", "static", "external_data", "optimize", "quantize", "framework", "tf"})


def export(job: Job) -> list[Piece]:
    """Write the ONNX file of the model, or with keys and values those of its parts."""
    opset = opset_of(job.request)
    if job.option("framework") == "tf":
        return list(_with_variants(job, _of_port(job, opset)))
    parts = parts_of(job.torch, job.samples) if job.feature.with_past else [_whole(job)]
    return [piece for part in parts for piece in _with_variants(job, _in_sizes_that_hold(job, part, opset))]


def opset_of(request: Request) -> int:
    """The opset that the user asks for, or the declaration of inputs, or else the usual one."""
    declared = request.given.declared
    opset: int = request.options.get("opset", declared.default_opset if declared is not None else DEFAULT_OPSET)
    return opset


def check(request: Request) -> None:
    """Refuse an opset, a framework or a quantization that there is not.

    Raises:
        UsageError: naming it.
        NotInstalled: what converts the port is not there.
    """
    check_opset(opset_of(request))
    framework, kind = request.options.get("framework", FRAMEWORKS[0]), request.options.get("quantize", DYNAMIC)
    if framework not in FRAMEWORKS:
        raise UsageError(f"There is no framework {framework}.", hint=f"--framework {' | '.join(FRAMEWORKS)}")
    if framework == "tf":
        check_convertible(opset_of(request))
    if kind != DYNAMIC:
        raise UsageError(f"There is no quantization {kind} for onnx.", hint=f"--quantize {DYNAMIC}")


def _of_port(job: Job, opset: int) -> Piece:
    """The ONNX file of the TensorFlow port, by tf2onnx."""
    if job.feature.with_past:
        raise UsageError("The port is exported without keys and values.", hint="--framework pt exports them")
    file = job.folder / f"{MODEL}{ENDING}"
    with scratch_folder() as scratch:
        write_from_port(keras_model(job, scratch), job.samples.trials, opset, file)
    return Piece(file, job.torch, job.samples.trials, facts={"opset": opset, "framework": "tf"})


def _whole(job: Job) -> Part:
    """The whole model as the only part."""
    samples, declared = job.samples, job.request.given.declared
    axes = dict(declared) if declared is not None else _axes_of(job.torch, samples.traced)
    return Part(MODEL, job.torch, samples.traced, samples.trials, whole_name, axes)


def _axes_of(model: Any, trial: Trial) -> dict[str, Axes]:
    return {name: labels_of(model, name, trial) for name in trial.inputs}


def _with_variants(job: Job, piece: Piece) -> Iterator[Piece]:
    """The file, and beside it the versions of it that are wanted."""
    yield piece
    file, external = piece.file, (piece.file.parent / f"{piece.file.name}.data").exists()
    if job.option("optimize"):
        file, fused = write_optimized(file, external)
        told = ", ".join(f"{count} {name}" for name, count in fused.items()) or "nothing"
        note = f"{file.name}: fused {told}."
        yield replace(piece, file=file, kind="optimized", notes=(note,), facts={**piece.facts, "fused": fused})
    if job.option("quantize"):
        yield replace(piece, file=write_quantized(piece.file, external), kind="quantized", notes=())


def _in_sizes_that_hold(job: Job, part: Part, opset: int) -> Piece:
    """The file of a part; where it breaks on images or sounds of another size, it is traced there, or has one size.

    The exporter takes what has one element where it traces, as the last map of a small image, for what always has one.
    """
    others = tuple(trial for trial in part.trials if trial.name.startswith(OTHER))
    if not others or job.option("static"):
        return _written(job, part, opset)
    both, reason = (part.traced, *others), ""
    for traced_on in both:
        piece = _written(job, replace(part, traced=traced_on), opset)
        found = validate_piece(replace(piece, trials=both, required=frozenset()), job.request.atol)
        broken = next((each for each in found.compared if not each.matches), None)
        if broken is None:
            return piece
        reason = reason or f"{broken.trial}: {broken.failure or broken.comparison.sentence()}".partition("\n")[0]
    axes = part.axes or _axes_of(part.module, part.traced)
    kept = {name: {axis: label for axis, label in own.items() if label not in RESIZED} for name, own in axes.items()}
    trials = tuple(trial for trial in part.trials if trial not in others)
    fixed = _written(job, replace(part, axes=kept, trials=trials), opset)
    note = f"the file has one size of images and sounds, for one that takes any breaks on {reason}"
    return replace(fixed, notes=(*fixed.notes, note))


def _written(job: Job, part: Part, opset: int) -> Piece:
    """Trace a part, tidy its graph, and save it."""
    static = bool(job.option("static"))
    axes = part.axes or _axes_of(part.module, part.traced)
    program = traced(part.module, part.traced.inputs, None if static else axes, max(opset, OLDEST_EXPORTED))
    tidy(program, axes, part.rename)
    saved = share_weights(program)
    file = job.folder / f"{part.name}{ENDING}"
    save(program, file, opset, bool(job.option("external_data")))
    notes = () if static else (*_fixed(program, axes), *_untried(program, axes, part.trials))
    facts = {"opset": opset, "axes": shapes_of(program), "bytes_shared": saved}
    past = job.feature.with_past
    named = part.name if past else ""
    return Piece(
        file,
        part.module,
        part.trials,
        notes=notes,
        rename=part.rename,
        part=named,
        caches=past and part.caches,
        facts=facts,
    )


def traced(model: Any, inputs: Mapping[str, Any], axes: Mapping[str, Axes] | None, opset: int) -> Any:
    """The graph, an `onnx_ir.Model`, of a PyTorch module run on these inputs.

    Raises:
        UsageError: the exporter does not take the model, or does not write this opset.
    """
    import torch
    from transformers.exporters.exporter_dynamo import get_auto_dynamic_shapes, register_cache_pytrees_for_model
    from transformers.exporters.exporter_onnx import OnnxConfig, OnnxExporter

    from diffcheck.record.torch_side import to_torch

    tensors: dict[str, Any] = to_torch(inputs)
    register_cache_pytrees_for_model(model)
    shapes = {
        name: dict.fromkeys(axes_of(name, value.ndim) if name not in axes else axes[name], torch.export.Dim.AUTO)
        if torch.is_tensor(value)
        else get_auto_dynamic_shapes(value)
        for name, value in tensors.items()
    } if axes is not None else None  # fmt: skip
    config = OnnxConfig(dynamic=axes is not None, dynamic_shapes=shapes, opset_version=opset)
    with _quietly():
        try:
            program, _ = OnnxExporter().export_program(model, tensors, config)
        except (*RUN_ERRORS, torch.onnx.errors.OnnxExporterError) as error:
            raise UsageError(f"No exporter takes {type(model).__name__}: {_reason(error)}") from error
    written = program.opset_imports.get("")
    if written != opset:
        raise UsageError(f"PyTorch's exporter gives opset {written} where {opset} was asked for.")
    return program


def save(program: Any, file: Path, opset: int, external: bool) -> None:
    """Write the graph, its weights in a file beside it if that is wanted or they are too many.

    Raises:
        UsageError: the opset cannot hold it.
    """
    import onnx_ir

    weights = sum(value.const_value.nbytes for value in program.graph.initializers.values() if value.const_value)
    beside = external or weights > LARGEST_INSIDE
    if opset < OLDEST_EXPORTED:
        if weights > LARGEST_INSIDE:
            raise UsageError(
                f"Weights of {weights / 1e9:.1f} GB cannot be converted to opset {opset}.", hint="--opset 18"
            )
        program = onnx_ir.from_proto(converted(onnx_ir.to_proto(program), opset))
    onnx_ir.save(program, file, external_data=f"{file.name}.data" if beside else None)


def shapes_of(program: Any) -> dict[str, list[int | str]]:
    """The shapes of inputs and outputs, changeable axes by name."""
    return {
        value.name: [size if isinstance(size, int) else str(size.value) for size in value.shape or ()]
        for value in (*program.graph.inputs, *program.graph.outputs)
    }


def _fixed(program: Any, axes: Mapping[str, Axes]) -> Iterator[str]:
    """What was to be changeable and is not, because the model's code computes with the number."""
    for value in program.graph.inputs:
        for axis, label in axes.get(value.name, {}).items():
            if value.shape is not None and isinstance(value.shape[axis], int):
                yield f"{value.name}: the axis {label} is fixed at {value.shape[axis]}."
    given = {value.name for value in program.graph.inputs}
    for name in axes:
        if name not in given and not name.startswith("encoder_"):
            yield f"{name}: the model's code does not use it in this form, so the file does not take it."


def _untried(program: Any, axes: Mapping[str, Axes], trials: Sequence[Trial]) -> Iterator[str]:
    """Axes that may change in the file, and had one size in all that it is compared on."""
    for value in program.graph.inputs:
        given = [trial.inputs[value.name] for trial in trials if value.name in trial.inputs]
        for axis, label in axes.get(value.name, {}).items():
            sizes = {array.shape[axis] for array in given}
            if len(sizes) == 1 and value.shape is not None and not isinstance(value.shape[axis], int):
                yield f"{value.name}: the axis {label} may change, and is compared at {sizes.pop()} only."


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """The exporters print and log their progress, and warn of what porter checks itself."""
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reason(error: BaseException) -> str:
    """The innermost error in a line."""
    while error.__cause__ is not None:
        error = error.__cause__
    first = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first}"[:300]


FORMAT = Format(
    "onnx",
    "an ONNX file for onnxruntime",
    ("torch", "onnx", "onnxruntime", "onnxscript"),
    OPTIONS,
    export,
    copies=2.5,
    check=check,
)
