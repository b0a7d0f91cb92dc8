"""One run of a TensorFlow model in which each layer's result is replaced by PyTorch's, once it has been compared.

No error reaches the next layer, so one run shows for every layer, at all depths, what its own code does: a layer that
holds others shows the difference that it makes around them.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from diffcheck.compare.align import align, compare_modules, fit_layout
from diffcheck.compare.metrics import Bound
from diffcheck.judge.diagnose import Alone, Runs, is_below
from diffcheck.record import tf_side
from diffcheck.record.recording import ModuleCall
from diffcheck.record.sides import Sides
from diffcheck.record.values import TensorValue, flatten, is_tensor


def run_forced(
    sides: Sides, inputs: Mapping[str, object], runs: Runs, bound: Bound, free: frozenset[str] = frozenset()
) -> dict[str, list[Alone]]:
    """Each paired module's calls, compared; only modules that both sides called equally often.

    Results of the modules ``free``, of those inside them, and of the whole model are not replaced.
    When the model stops because of the replaced results, the modules that are complete until then come back.
    """
    found: dict[str, list[Alone]] = {}
    calls, others = runs.reference.by_path(), runs.candidate.by_path()
    layers = sides.layers()
    model = sides.tf()
    with ExitStack() as stack:
        for path, tf_path in runs.pairing.modules.items():
            if path in calls and len(calls[path]) == len(others.get(tf_path, ())):
                found[path] = []
                keep = not path or any(path == one or is_below(path, one) for one in free)
                stack.enter_context(_forced(layers[tf_path], calls[path], found[path], bound, keep))
        try:
            tf_side.call_eagerly(lambda: tf_side.call_model(model, inputs))
        except Exception:  # noqa: BLE001 - a result of PyTorch's that does not fit may raise anything: no screening
            return {path: made for path, made in found.items() if len(made) == len(calls[path])}
    return {path: made for path, made in found.items() if len(made) == len(calls[path])}


@contextmanager
def _forced(layer: Any, calls: list[ModuleCall], found: list[Alone], bound: Bound, keep: bool) -> Iterator[None]:
    original: Callable[..., Any] = layer.call
    numbers = itertools.count()

    @functools.wraps(original)
    def call(*args: object, **kwargs: object) -> Any:
        output = original(*args, **kwargs)
        if not tf_side.computes():
            return output
        number = next(numbers)
        if number >= len(calls):
            return output
        actual, expected = flatten(output), calls[number].output
        found.append(Alone(calls[number], compare_modules(expected, actual, bound)))
        if keep:
            return output
        pairs = {
            other: fit_layout(expected.tensors[path], actual.tensors[other].array)
            for path, other in align(expected.tensors, actual.tensors)
        }
        return _replaced(output, "", pairs)

    with tf_side.with_call(layer, call):
        yield


def _replaced(value: Any, path: str, wanted: Mapping[str, TensorValue]) -> Any:
    """The same structure with PyTorch's numbers; caches and other objects stay as they are."""
    if is_tensor(value):
        return _fitted(value, wanted[path]) if path in wanted else value

    def below(name: str, part: Any) -> Any:
        return _replaced(part, f"{path}.{name}" if path else name, wanted)

    if dataclasses.is_dataclass(value) and isinstance(value, Mapping | dict):
        return dataclasses.replace(value, **{name: below(name, part) for name, part in value.items()})
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(below(name, part) for name, part in zip(value._fields, value, strict=True)))
    if type(value) in (tuple, list):
        return type(value)(below(str(number), part) for number, part in enumerate(value))
    if type(value) is dict:
        return {name: below(str(name), part) for name, part in value.items()}
    return value


def _fitted(tensor: Any, wanted: TensorValue) -> Any:
    import tensorflow as tf

    fitted = wanted.array
    if fitted.dtype.kind != "f" or fitted.shape != tuple(tensor.shape) or not tensor.dtype.is_floating:
        return tensor
    return tf.convert_to_tensor(fitted, tensor.dtype)
