"""The TensorFlow side of an export: the Keras model that porter makes of the checkpoint, as a function of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porter.base.errors import PorterError, UsageError
from porter.export.declaration import Job
from porter.port.failure_text import where_it_failed
from porter.port.find_port import find_port
from porter.port.load import load_class
from porter.subject.inputs.trials import Trial

LARGEST_FROZEN = 2_000_000_000
"""Bytes of weights that a graph holds as constants, which is how a file of the port is made or compared."""
Serve = Callable[[Mapping[str, Any]], dict[str, Any]]


def keras_model(job: Job, scratch: Path) -> Any:
    """The ported model with the checkpoint's weights: of the file given with --tf, beside the weights, or made anew.

    Args:
        job: whose checkpoint is loaded.
        scratch: a folder for a port that is made.

    Raises:
        UsageError: there is no checkpoint, or the port cannot be loaded.
    """
    from porter.runtime.keras_internals import every_layer

    if job.source is None:
        raise UsageError("The port is made of a folder or a Hub repository.", hint="model.save_pretrained(folder)")
    trust = job.request.trust_remote_code
    port = find_port(job.source, job.option("tf"), scratch, trust, job.feature.class_name)
    try:
        from_pt = not job.loaded.from_tensorflow
        model = load_class(port).from_pretrained(str(job.source), from_pt=from_pt, **job.loaded.constructor)
    except PorterError:
        raise
    except Exception as error:
        sentence = f"The port of {job.feature.class_name} cannot be loaded: {where_it_failed(error)}"
        raise UsageError(sentence, hint="porter scaffold shows what is left of it") from error
    for layer in every_layer(model):
        if hasattr(getattr(layer, "config", None), "use_cache"):
            layer.config.use_cache = False
    return model


@contextmanager
def in_a_graph(model: Any) -> Iterator[None]:
    """Turn whatever the port's text raises while TensorFlow traces it into a sentence.

    Raises:
        UsageError: saying where it failed.
    """
    try:
        yield
    except PorterError:
        raise
    except Exception as error:
        sentence = f"{type(model).__name__} does not run in a graph of any size: {where_it_failed(error)}"
        raise UsageError(sentence, hint="porter scaffold shows what is left of it") from error


@dataclass(frozen=True)
class Frozen:
    """A graph whose weights are constants; a converter that is handed variables may lose their values without a word.

    Attributes:
        function: a concrete function of tensors by position.
        inputs: the names of its inputs, in order.
        outputs: the names of its outputs, in order.
    """

    function: Any
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def frozen(model: Any, signature: Mapping[str, Any]) -> Frozen:
    """The model's graph on inputs of these names, sizes and types.

    Args:
        model: the Keras model.
        signature: a `tf.TensorSpec` by input name.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    with in_a_graph(model):
        concrete = tf.function(serving(model), input_signature=[dict(signature)]).get_concrete_function()
    function = convert_variables_to_constants_v2(concrete)
    inputs = tuple(tensor.op.name for tensor in function.inputs)
    return Frozen(function, inputs, tuple(sorted(concrete.structured_outputs)))


def fixed_signature(trial: Trial) -> dict[str, Any]:
    """A `tf.TensorSpec` of each input in the trial's sizes."""
    import tensorflow as tf

    return {name: tf.TensorSpec(array.shape, array.dtype, name=name) for name, array in trial.inputs.items()}


def serving(model: Any) -> Serve:
    """The tensors among the model's outputs by name."""
    import tensorflow as tf

    def serve(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in model(**inputs).items() if tf.is_tensor(value)}

    return serve
