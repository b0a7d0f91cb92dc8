"""TFLite: the ported model in one size, its weights frozen, converted by TensorFlow and run in LiteRT."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from porter.base import console
from porter.base.errors import UsageError
from porter.base.quiet import native_stderr_held_back
from porter.base.scratch import scratch_folder
from porter.export.declaration import Format, Job, Piece, Request
from porter.export.formats.torchscript_export import traced_trial
from porter.export.lite_operations import for_lite
from porter.export.ported_side import LARGEST_FROZEN, fixed_signature, frozen, keras_model
from porter.subject.inputs.arrays import Array
from porter.subject.inputs.for_checkpoint import read_inputs
from porter.subject.inputs.trials import Trial

MODEL = "model.tflite"
KINDS = ("dynamic", "float16", "int8")


def export(job: Job) -> list[Piece]:
    """Convert the frozen port, and quantize it if that is wanted."""
    kind = job.option("quantize")
    trial = traced_trial(job)
    file = job.folder / MODEL
    with scratch_folder() as scratch:
        serve = static_function(keras_model(job, scratch), trial)
        console.say("converting to TFLite ...")
        file.write_bytes(converted(serve, scratch / "frozen", kind, representative(job, trial)))
    trials = [trial, *(each for each in job.samples.trials if each.name != trial.name)]
    sizes = ", ".join(f"{name} {list(array.shape)}" for name, array in trial.inputs.items())
    notes = (f"TFLite files have one size: {sizes}; --batch and --max-length choose it.",)
    facts = {"traced": {name: list(array.shape) for name, array in trial.inputs.items()}, "quantized": kind}
    return [Piece(file, job.torch, trials, "quantized" if kind else "exact", notes, facts=facts)]


def check(request: Request) -> None:
    """Refuse a quantization that there is not, or that lacks the inputs it needs.

    Raises:
        UsageError: naming it.
    """
    kind = request.options.get("quantize")
    if kind is not None and kind not in KINDS:
        raise UsageError(f"There is no quantization {kind} for tflite.", hint=f"--quantize {' | '.join(KINDS)}")
    if kind == "int8" and request.given.inputs is None:
        raise UsageError("int8 needs inputs that represent yours.", hint="--inputs FILE.npz with at least 100 rows")


def static_function(model: Any, trial: Trial) -> Any:
    """A `tf.function` on inputs of the trial's sizes, from a mapping of tensors to a dictionary of them."""
    import tensorflow as tf

    signature = fixed_signature(trial)
    graph = for_lite(frozen(model, signature))

    @tf.function(input_signature=[signature])
    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return dict(zip(graph.outputs, graph.function(*[inputs[name] for name in graph.inputs]), strict=True))

    return serve


def converted(serve: Any, folder: Path, kind: str | None, samples: Iterator[Mapping[str, Array]]) -> bytes:
    """The bytes of the TFLite file.

    Raises:
        UsageError: the converter does not take the graph.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    with native_stderr_held_back(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its calibration uses an interpreter that TensorFlow calls deprecated
        try:
            plain = tf.saved_model.SaveOptions(experimental_custom_gradients=False)  # those of constants cannot be
            tf.saved_model.save(tf.Module(), str(folder), signatures=serve, options=plain)
            converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
            if kind is not None:
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
            if kind == "float16":
                converter.target_spec.supported_types = [tf.float16]
            if kind == "int8":
                converter.representative_dataset = lambda: samples
            content: bytes = converter.convert()
        except (ConverterError, RuntimeError, ValueError, tf.errors.OpError) as error:
            raise UsageError(f"TensorFlow's converter does not take the model: {_reason(error)}") from error
    return content


def _reason(error: BaseException) -> str:
    """The operations that TFLite does not have, else the first line."""
    found = re.search(r"(?:TF Select|Custom) ops: (.+)", str(error))
    if found is not None:
        return f"TFLite has no {found[1].strip()} of these types."
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]


def representative(job: Job, trial: Trial) -> Iterator[Mapping[str, Array]]:
    """The user's rows, one batch after the other, in the sizes that the file has."""
    if job.request.given.inputs is None:
        return
    given = read_inputs(job.request.given.inputs)
    rows = min(len(given[name]) for name in trial.inputs)
    size = len(next(iter(trial.inputs.values())))
    for start in range(0, rows, size):
        places = np.arange(start, start + size) % rows
        yield {name: _cut(np.asarray(given[name])[places], array) for name, array in trial.inputs.items()}


def _cut(rows: Array, like: Array) -> Array:
    """Rows in another array's sizes and type: cut, or repeated from the beginning."""
    for axis, size in enumerate(like.shape):
        rows = np.take(rows, np.arange(size) % rows.shape[axis], axis=axis)
    return rows.astype(like.dtype)


FORMAT = Format(
    "tflite",
    "a TFLite file of the port, for LiteRT",
    ("torch", "tensorflow", "ai_edge_litert"),
    frozenset({"tf", "batch", "max_length", "quantize"}),
    export,
    copies=5,
    largest=LARGEST_FROZEN,
    check=check,
)
