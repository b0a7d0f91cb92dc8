"""Whether a port computes the same wherever it is placed: compiled by XLA, and on two devices at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from diffcheck.judge.training_step import without_dropout
from diffcheck.record import tf_side
from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.graph_signature import split
from porter.testing.labels import labelled_inputs
from porter.testing.model_pair import ModelPair
from porter.testing.verdict import Verdict

_RATE = 0.1  # the learning rate of the step
_SHARE = 1e-4  # how far updates may be apart, as a share of the model's greatest
_ROUNDING = 1e-6  # and this share of the greatest weight, which holds the update


def split_processor() -> None:
    """Let TensorFlow see the processor as two devices. It has no effect where TensorFlow has started."""
    import tensorflow as tf

    processor, *_ = tf.config.list_physical_devices("CPU")
    try:
        tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    except RuntimeError:
        return  # `trains_on_two` says so


def compiles(pair: ModelPair) -> Verdict:
    """Whether XLA compiles the port, and gives PyTorch's outputs."""
    import tensorflow as tf

    arrays, plain = split(pair.accepted(pair.inputs[0]))
    compiled = tf.function(lambda given: pair.tensorflow({**given, **plain}), jit_compile=True)
    try:
        found = compiled(arrays)
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        return Verdict(problem=f"XLA does not compile it: {error.message.splitlines()[0]}")
    return Verdict(problem=pair.difference(found, pair.inputs[0]))


@dataclass(frozen=True)
class _Step:
    """The loss of one step of `fit`, and what it added to each weight."""

    loss: float
    updates: list[np.ndarray[Any, Any]]


def trains_on_two(pair: ModelPair) -> Verdict:
    """Whether a step on two devices, each of which has the same rows, is the step of one device on these rows.

    So it is for losses that are means over rows and for those that compare the rows of a batch. Dropout is off.
    """
    import tensorflow as tf

    devices = [device.name for device in tf.config.list_logical_devices("CPU")]
    labelled = labelled_inputs(pair.pytorch, pair.inputs[0])
    if labelled is None:
        return Verdict(lacks="PyTorch's class computes no loss of these inputs")
    if len(devices) < 2:
        return Verdict(lacks="TensorFlow had started with one device")
    rows = pair.accepted(labelled[0])
    if len({np.shape(value)[:1] for value in rows.values()}) != 1 or not all(np.shape(v) for v in rows.values()):
        return Verdict(lacks="its inputs are not rows of one batch")
    one = _step(pair, rows, tf.distribute.get_strategy())
    both = {name: np.concatenate([value, value]) for name, value in rows.items()}
    # TensorFlow's default for processors fails in the second strategy of a process.
    two = tf.distribute.MirroredStrategy(devices[:2], cross_device_ops=tf.distribute.ReductionToOneDevice())
    problem = _unlike(pair, one, _step(pair, both, two))
    if problem and _step(pair, rows, tf.distribute.get_strategy()).loss != one.loss:
        return Verdict(lacks="its step is random without dropout too")
    return Verdict(problem=problem)


def _step(pair: ModelPair, rows: Mapping[str, Any] | Inputs, strategy: Any) -> _Step:
    """One step of `fit` on all rows at once."""
    import keras
    import tensorflow as tf

    with strategy.scope():
        port = type(pair.tensorflow).from_config(pair.tensorflow.config)
        port.set_weights(pair.tensorflow.get_weights())
        port.compile(keras.optimizers.SGD(_RATE))
    count = len(next(iter(rows.values())))
    before = port.get_weights()
    with without_dropout([*tf_side.layers(port).values()]):
        history = port.fit(tf.data.Dataset.from_tensor_slices(dict(rows)).batch(count), shuffle=False, verbose=0)
    updates = [after - weight for after, weight in zip(port.get_weights(), before, strict=True)]
    return _Step(history.history["loss"][0], updates)


def _unlike(pair: ModelPair, one: _Step, two: _Step) -> str:
    """Where two devices differ from one, as a sentence; empty where they agree."""
    if not abs(one.loss - two.loss) <= _SHARE * max(1.0, abs(one.loss)):
        return f"the loss of two devices is {two.loss:.7g}, of one {one.loss:.7g}"
    weights = pair.tensorflow.weights
    allowed = _SHARE * _greatest(one.updates) + _ROUNDING * _greatest(pair.tensorflow.get_weights())
    for weight, alone, shared in zip(weights, one.updates, two.updates, strict=True):
        error = _greatest([alone - shared])
        if not error <= allowed:
            return f"two devices change {weight.path} otherwise than one: by {error:.2e}, allowed {allowed:.2e}"
    return ""


def _greatest(arrays: list[np.ndarray[Any, Any]]) -> float:
    return max((float(np.abs(array).max(initial=0.0)) for array in arrays if array.dtype.kind == "f"), default=0.0)
