"""Causes in a layer's settings and weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from diffcheck.compare.align import compare_modules
from diffcheck.compare.metrics import TOLERANCE, Bound, scale_of
from diffcheck.compare.weight_axes import as_tensorflow
from diffcheck.explain.causes.suspect import Cause, Explanation, Suspect
from diffcheck.explain.first_statement import close
from diffcheck.record.recording import fingerprint

EPSILONS = (1e-3, 1e-5, 1e-6, 1e-8, 1e-12)


def epsilon(suspect: Suspect) -> Explanation | None:
    """A normalisation with another epsilon; PyTorch's own is tried first."""
    own = vars(suspect.layer).get("epsilon")
    if not isinstance(own, float):
        return None
    for value in (getattr(suspect.torch_module, "eps", None), *EPSILONS):
        if isinstance(value, float) and suspect.is_right_with(mock.patch.object(suspect.layer, "epsilon", value)):
            return Explanation(f"epsilon={value:g}, it is {own:g}", attribute="epsilon")
    return None


def weight(suspect: Suspect) -> str | None:
    """A weight that holds other values than PyTorch's: never loaded, transposed, or another's."""
    for name, variable in suspect.variables.items():
        torch_name, value = suspect.parameters[name]
        shape = tuple(int(size) for size in variable.shape)
        for moved in as_tensorflow(np.asarray(value), shape, suspect.axes.get(torch_name)):
            with _assigned(variable, moved) as before:
                right = suspect.error() <= suspect.tolerance
            if right and not np.array_equal(before, moved):
                return f"{name}: {_what_it_holds(suspect, before, np.asarray(value))} (PyTorch's {torch_name})"
    return None


def weights(suspect: Suspect) -> str | None:
    """Several weights at once: a layer that was not loaded."""
    wanted: dict[str, Any] = {}
    for name, variable in suspect.variables.items():
        torch_name, value = suspect.parameters[name]
        shape = tuple(int(size) for size in variable.shape)
        moved = next(as_tensorflow(np.asarray(value), shape, suspect.axes.get(torch_name)), None)
        if moved is None:
            return None
        wanted[name] = moved
    if len(wanted) < 2:
        return None
    with ExitStack() as stack:
        before = {name: stack.enter_context(_assigned(suspect.variables[name], wanted[name])) for name in wanted}
        if suspect.error() > suspect.tolerance:
            return None
    differing = [name for name in wanted if not np.array_equal(before[name], wanted[name])]
    return f"{', '.join(differing)}: other values: never loaded" if differing else None


def unlike_values(suspect: Suspect) -> str | None:
    """A weight with other numbers than PyTorch's, in whatever order: wrong, even where the layer does more than that.

    A dense layer with its activation inside, which PyTorch's module leaves to the next, cannot be tried alone.
    """
    for name, variable in suspect.variables.items():
        torch_name, value = suspect.parameters[name]
        held = np.asarray(variable)
        if held.size == np.size(value) and not _same_numbers(held, np.asarray(value)):
            return f"{name}: {_what_it_holds(suspect, held, np.asarray(value))} (PyTorch's {torch_name})"
    return None


def activation(suspect: Suspect) -> Explanation | None:
    """A layer with another activation function."""
    if not callable(vars(suspect.layer).get("activation")):
        return None
    for name, function in activations().items():
        if suspect.is_right_with(mock.patch.object(suspect.layer, "activation", function)):
            return Explanation(f"activation should be {name}", attribute="activation")
    return None


def padding(suspect: Suspect) -> Explanation | None:
    """A convolution or pooling that pads where PyTorch does not, or the other way round."""
    own = vars(suspect.layer).get("padding")
    other = {"same": "valid", "valid": "same"}.get(own) if isinstance(own, str) else None
    if other and suspect.is_right_with(mock.patch.object(suspect.layer, "padding", other)):
        return Explanation(f"padding={other!r}, it is {own!r}", attribute="padding")
    return None


def randomness(suspect: Suspect) -> Explanation | None:
    """Dropout at work, or batch statistics in use, in a run without training."""
    if suspect.arguments.get("training"):
        quiet = replace(suspect, arguments={**suspect.arguments, "training": False})
        if quiet.is_right_with():
            return Explanation("it is called with training=True in a run without training")
    first, second = suspect.output(), suspect.output()
    if first is None or second is None or compare_modules(first, second, Bound()).matches:
        return None
    words = "its result changes from call to call: dropout or another random draw is active"
    runs = zip(suspect.events(), suspect.events(), strict=False)
    drawn = (event.statement for event, again in runs if not close(event.value, again.value, TOLERANCE))
    return Explanation(words, next(drawn, None))


def activations() -> dict[str, Any]:
    """Activation functions that stand in for each other in real ports, computed exactly."""
    import tensorflow as tf

    return {
        "gelu (erf)": lambda x: tf.nn.gelu(x, approximate=False),
        "gelu (tanh)": lambda x: tf.nn.gelu(x, approximate=True),
        "quick gelu": lambda x: x * tf.sigmoid(1.702 * x),
        "relu": tf.nn.relu,
        "silu": tf.nn.silu,
        "tanh": tf.tanh,
        "sigmoid": tf.sigmoid,
        "linear": tf.identity,
    }


@contextmanager
def _assigned(variable: Any, value: Any) -> Iterator[Any]:
    before = np.array(variable.numpy())
    variable.assign(value)
    try:
        yield before
    finally:
        variable.assign(before)


def _same_numbers(held: Any, wanted: Any) -> bool:
    """Whether two arrays hold the same numbers in any order, up to rounding."""
    mine, theirs = np.sort(wanted, axis=None), np.sort(held, axis=None)
    return bool(np.allclose(mine, theirs, rtol=1e-5, atol=1e-6 * scale_of(mine)))


def _what_it_holds(suspect: Suspect, held: Any, wanted: Any) -> str:
    mark = fingerprint(held)
    if mark == fingerprint(wanted):
        return "the right values with their axes in the wrong order"
    for parameter in suspect.other_values.parameters:
        if parameter.fingerprint == mark and held.size > 1:
            return f"holds the values of {parameter.name}"
    return "other values: never loaded"


CAUSES = (
    Cause("dropout or training mode", randomness, 1),
    Cause("weight", weight, 1),
    Cause("weights", weights, 1),
    Cause("normalisation epsilon", epsilon, 1),
    Cause("activation", activation, 1),
    Cause("padding", padding, 1),
    Cause("weight, by its numbers", unlike_values, 9),
)
