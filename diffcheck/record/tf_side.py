"""Run and record a Keras model (Keras 2 or 3 on TensorFlow), layer by layer, eagerly."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from diffcheck.record.copies import Copies
from diffcheck.record.keras_privates import children, own_variables
from diffcheck.record.recording import (
    Keep,
    Module,
    Parameter,
    Recorder,
    Recording,
    Structure,
    bind,
    fingerprint,
    keep_all,
)
from diffcheck.record.sources import crash_of, sources_of
from diffcheck.record.values import Copy, Flattened, flatten, is_tensor

FRAMEWORK = "tensorflow"
Result = TypeVar("Result")

_VARIABLE_NAMES = {
    "kernel": "weight",
    "gamma": "weight",
    "embeddings": "weight",
    "depthwise_kernel": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def layers(model: Any) -> dict[str, Any]:
    """Every layer by dotted path of layer names, the model itself as ``""``; a shared layer under its first path.

    ``layer_._0``, the way transformers 4 wrote list members, reads ``layer.0``.
    """
    found: dict[str, Any] = {"": model}
    seen = {id(model)}
    _collect(model, "", found, seen)
    return found


def variables(model: Any) -> dict[str, Any]:
    """Every variable by dotted path, with PyTorch's usual word for it: ``kernel`` and ``gamma`` read ``weight``.

    Of two that a layer calls alike, the second has the word before in its own name too: ``decoder.bias``.
    """
    named: dict[str, Any] = {}
    seen: set[int] = set()
    for path, layer in layers(model).items():
        for variable in own_variables(layer):
            if id(variable) not in seen:
                seen.add(id(variable))
                name, longer = (".".join(filter(None, (path, own))) for own in _own_names(variable))
                named[_free_name(longer if name in named else name, named)] = variable
    return named


def structure(model: Any) -> Structure:
    """The layer tree and the variables of a built model."""
    named = variables(model)
    paths = {id(variable): name for name, variable in named.items()}
    parameters = tuple(
        Parameter(name, tuple(int(size) for size in variable.shape), fingerprint(_array(variable)), not trainable)
        for name, variable in named.items()
        for trainable in [bool(getattr(variable, "trainable", True))]
    )
    modules = []
    places = sources_of(type(layer) for layer in layers(model).values())
    for path, layer in layers(model).items():
        owned = dict.fromkeys(paths[id(v)] for v in _all_variables(layer) if id(v) in paths)
        modules.append(Module(path, type(layer).__name__, tuple(owned), *places[type(layer)]))
    return Structure(FRAMEWORK, tuple(modules), parameters)


def record(model: Any, inputs: Mapping[str, object], copy: Copy | None = None, keep: Keep = keep_all) -> Recording:
    """Run the model eagerly, without training, and record every layer's ``call``, or what ``keep`` leaves of it.

    When the model raises, the recording holds what ran until then and where it was raised.
    """
    import tensorflow as tf

    recorder = Recorder(FRAMEWORK, copy or Copies(), keep)
    eager = tf.config.functions_run_eagerly()
    output: object = None
    crash = None
    with ExitStack() as stack:
        for path, layer in layers(model).items():
            stack.enter_context(_watched(path, layer, recorder))
        tf.config.run_functions_eagerly(True)
        try:
            output = call_model(model, inputs)
        # The code under test may raise anything, and that is the result.
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001
            crash = crash_of(error, recorder.open[-1].path if recorder.open else "")
        finally:
            tf.config.run_functions_eagerly(eager)
    return recorder.recording(output, crash)


def call_model(model: Any, inputs: Mapping[str, object], training: bool = False) -> Any:
    """Call a model by its own argument names, or with one dict where it names none of them."""
    names = inspect.signature(model.call).parameters
    mode = {"training": training} if "training" in names else {}
    tensors = to_tensorflow(inputs)
    if all(name in names for name in inputs):
        return model(**tensors, **mode)
    return model(tensors, **mode)


def call_layer(layer: Any, arguments: Mapping[str, object]) -> Flattened:
    """Call one layer alone; arguments are tensors or plain values, by name as in ``LiveCalls``."""
    positional = [value for name, value in arguments.items() if "." in name]
    keywords = {name: value for name, value in arguments.items() if "." not in name}
    return call_eagerly(lambda: flatten(layer.call(*positional, **keywords)))


def call_eagerly(run: Callable[[], Result]) -> Result:
    """Call ``run`` while no ``tf.function`` becomes a graph."""
    import tensorflow as tf

    eager = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        return run()
    finally:
        tf.config.run_functions_eagerly(eager)


def to_tensorflow(value: object) -> Any:
    """Numpy arrays inside mappings, tuples and lists as TensorFlow tensors of the same dtype."""
    import numpy as np
    import tensorflow as tf

    if isinstance(value, np.ndarray):
        return tf.convert_to_tensor(value)
    if isinstance(value, Mapping):
        return {name: to_tensorflow(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(to_tensorflow(part) for part in value)
    return value


def parameter_array(model: Any, name: str) -> Any:
    """One variable as numpy, by its dotted path (see :func:`variables`)."""
    return _array(variables(model)[name])


def _collect(layer: Any, path: str, found: dict[str, Any], seen: set[int]) -> None:
    for child in children(layer):
        if id(child) in seen:
            continue
        seen.add(id(child))
        name = re.sub(r"_?\._?(\d+)", r".\1", child.name)
        below = _free_name(f"{path}.{name}" if path else name, found)
        found[below] = child
        _collect(child, below, found, seen)


def _free_name(name: str, taken: Mapping[str, object]) -> str:
    free, number = name, 1
    while free in taken:
        free, number = f"{name}~{number}", number + 1
    return free


def _all_variables(layer: Any) -> list[Any]:
    return [variable for below in layers(layer).values() for variable in own_variables(below)]


def _own_names(variable: Any) -> tuple[str, str]:
    """The last part of a variable's own name, and the last two."""
    *before, name = str(variable.name).partition(":")[0].split("/")
    name = _VARIABLE_NAMES.get(name, name)
    return name, ".".join((*before[-1:], name))


def _array(variable: Any) -> Any:
    """A variable's numbers as they are now, without a copy: TensorFlow makes one when it is assigned to."""
    import tensorflow as tf

    return next(iter(flatten(tf.convert_to_tensor(variable)).tensors.values())).array


@contextmanager
def _watched(path: str, layer: Any, recorder: Recorder) -> Iterator[None]:
    call: Callable[..., Any] = layer.call

    @functools.wraps(call)
    def watched(*args: object, **kwargs: object) -> Any:
        if not computes():
            return call(*args, **kwargs)
        recorder.begin(path, type(layer).__name__, bind(call, args, kwargs))
        output = call(*args, **kwargs)
        recorder.end(output)
        return output

    with with_call(layer, watched):
        yield


@contextmanager
def with_call(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    """A layer with another ``call``. Nothing else is taken back: calling a layer may build it."""
    # Past Keras' __setattr__, which would look for something to track in it.
    attributes = vars(layer)
    before = {name: value for name, value in attributes.items() if name == "call"}
    attributes["call"] = call
    try:
        yield
    finally:
        del attributes["call"]
        attributes.update(before)


def computes() -> bool:
    """Whether a call now is one with numbers; Keras also calls layers to learn the shape of what they give."""
    import tensorflow as tf

    return bool(tf.executing_eagerly())


def copy_live(value: object) -> object:
    """A copy that later calls cannot change: containers and caches are copied, tensors shared."""
    if is_tensor(value) or value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return type(value)(copy_live(part) for part in value)
    if isinstance(value, dict):
        return {name: copy_live(part) for name, part in value.items()}
    from diffcheck.record.values import is_cache

    return copy.deepcopy(value) if is_cache(value) else value
