"""Layers whose inner results are computed again for the gradients instead of being kept in memory."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from porter.runtime.keras_internals import computing_in
from porter.runtime.ops.repeated_draws import repeated_draws
from porter.runtime.port_errors import Unsupported

logger = logging.getLogger(__name__)

# Operations of TensorFlow that draw other numbers each time they run.
_DRAWING = frozenset(
    {"RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "RandomShuffle", "Multinomial"}
)
_CACHES = {"past_key_values": None, "layer_past": None, "past_key_value": None, "use_cache": False}


class TFGradientCheckpointingLayer(keras.layers.Layer):
    """`GradientCheckpointingLayer` of transformers, which the model's `gradient_checkpointing_enable` switches on.

    In a graph, as `fit` makes it, a checkpointed layer is run once for its result and again for its gradients, with
    `tf.recompute_grad`: the second run drops out the same values, and statistics are updated once. A cache is not
    kept. Eagerly, where nothing is saved by it, the layer is run as ever.
    """

    gradient_checkpointing = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls):
            cls.call = _checkpointed(cls.call)


def _checkpointed(call: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(call)

    @functools.wraps(call)
    def wrapper(self: TFGradientCheckpointingLayer, *args: Any, **kwargs: Any) -> Any:
        if not self.gradient_checkpointing or tf.executing_eagerly():
            return call(self, *args, **kwargs)
        arguments = signature.bind(self, *args, **kwargs).arguments
        if not arguments.get("training", "training" not in signature.parameters):
            return call(self, *args, **kwargs)
        for name in _CACHES.keys() & arguments.keys():
            if arguments[name] not in (None, False):
                logger.warning("%s keeps no cache while its gradients are checkpointed.", type(self).__name__)
            arguments[name] = _CACHES[name]
        arguments.pop("self")
        return _recomputed(self, functools.partial(call, self), arguments)

    return wrapper


def _recomputed(layer: keras.Layer, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What the call gives for its arguments, with gradients for which it is run again.

    Only floating tensors are arguments of `tf.recompute_grad`. Both runs read the same states of random numbers, and
    what they assign to variables is written once, after the first.
    """
    flat = tf.nest.flatten(arguments)
    places = [index for index, value in enumerate(flat) if tf.is_tensor(value) and value.dtype.is_floating]
    states = [variable for variable in layer.variables if variable.name == "seed_generator_state"]
    before = [(state, tf.identity(state.value)) for state in states]
    seed = tf.random.uniform([2], maxval=tf.int32.max, dtype=tf.int32)
    told: list[Any] = []

    def run(*tensors: Any) -> tuple[Any, ...]:
        values = list(flat)
        for index, tensor in zip(places, tensors, strict=True):
            values[index] = tensor
        given = tf.nest.pack_sequence_as(arguments, values)
        scope = keras.StatelessScope(state_mapping=before)
        with scope, computing_in(layer.compute_dtype), _drawing_alike(layer, seed):
            result = call(**given)
        updates = [(each, scope.get_current_value(each)) for each in layer.non_trainable_variables]
        assigned = [(each, value) for each, value in updates if value is not None]
        told[:] = [result, [each for each, _ in assigned]]
        return (*tf.nest.flatten(result), *(value for _, value in assigned))

    outputs = tf.recompute_grad(run)(*(flat[index] for index in places))
    result, assigned = told
    count = len(outputs) - len(assigned)
    for variable, value in zip(assigned, outputs[count:], strict=True):
        variable.assign(value)
    return tf.nest.pack_sequence_as(result, outputs[:count])


@contextlib.contextmanager
def _drawing_alike(layer: keras.Layer, seed: Any) -> Iterator[None]:
    """Let random numbers be drawn from seeds that depend on `seed` alone.

    Raises:
        Unsupported: the layer draws by other ways, so that a second run would differ.
    """
    graph = tf.compat.v1.get_default_graph()
    known = len(graph.get_operations())
    with repeated_draws(seed):
        yield
    drawn = sorted({operation.type for operation in graph.get_operations()[known:]} & _DRAWING)
    if drawn:
        raise Unsupported(
            f"{type(layer).__name__} draws random numbers with {drawn[0]}, which a second run for the gradients does "
            "not repeat: train it without gradient_checkpointing_enable(), or without what draws them."
        )
