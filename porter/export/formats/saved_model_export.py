"""A SavedModel of the ported model, with a signature of changeable batch and length, for TensorFlow Serving."""

from __future__ import annotations

from typing import Any

from porter.base import console
from porter.base.scratch import scratch_folder
from porter.export.alone import check_alone
from porter.export.declaration import Format, Job, Piece
from porter.export.ported_side import keras_model
from porter.weights.formats import served_model

# What a process does that has TensorFlow only.
CODE = """
sys.modules["torch"] = None
import tensorflow as tf
serve = tf.saved_model.load(path).signatures["serving_default"]
found = {name: value.numpy() for name, value in serve(**{k: tf.constant(v) for k, v in arrays.items()}).items()}
"""


def export(job: Job) -> list[Piece]:
    """Make the port, load the weights into it, and write the SavedModel as `pt-to-tf --format saved-model` does."""
    file = job.folder / served_model.FORMAT.file
    with scratch_folder() as scratch:
        model = keras_model(job, scratch)
        console.say("writing the SavedModel ...")
        served_model.write(model, file, job.samples.trials)
    check_alone(file, CODE, job.samples.traced.inputs, torch_outputs(job))
    return [Piece(file, job.torch, job.samples.trials)]


def torch_outputs(job: Job) -> dict[str, Any]:
    """PyTorch's outputs on the traced inputs, as arrays by name."""
    import torch

    tensors = {name: torch.from_numpy(array.copy()) for name, array in job.samples.traced.inputs.items()}
    with torch.no_grad():
        outputs = job.torch(**tensors)
    return {name: value.numpy() for name, value in outputs.items() if torch.is_tensor(value)}


FORMAT = Format(
    "saved-model",
    "a SavedModel of the port",
    ("torch", "tensorflow"),
    frozenset({"tf"}),
    export,
)
