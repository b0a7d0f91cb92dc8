"""The six points that transformers' guide for TensorFlow models asks of a port, each of them run."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck import compare
from porter.base.reasons import kind_and_reason
from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.graph_signature import split

POINTS = (
    "training passed down",
    "copied from",
    "unpack_inputs",
    "keras_serializable",
    "from_pt=True",
    "input formats",
)


def guide_points(port: Any, inputs: Inputs, weights: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What is wrong with each point of one class; empty for what is right.

    Args:
        port: the model, with its weights.
        inputs: of a call.
        weights: what of the weights did not find its place when they were loaded from PyTorch's.
    """
    found: tuple[Callable[[], str], ...] = (
        lambda: _training(port, inputs),
        lambda: _copies(port),
        lambda: _unpacks(port),
        lambda: _serializable(port),
        lambda: "; ".join(f"{len(names)} {kind}" for kind, names in weights.items() if names),
        lambda: _formats(port, inputs),
    )
    return {name: _said(check) for name, check in zip(POINTS, found, strict=True)}


def _said(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # noqa: BLE001  # generated code may fail in any way, and that is the finding
        cause: BaseException = error
        while (below := cause.__cause__ or cause.__context__) is not None:  # Keras wraps it in a page of text
            cause = below
        return kind_and_reason(cause)


def _layers(port: Any) -> Iterator[Any]:
    yield from (layer for layer in port.submodules if hasattr(layer, "call"))


def _training(port: Any, inputs: Inputs) -> str:
    """Each dropout layer that is called is told whether the model trains."""
    arrays, plain = split(inputs)
    dropouts = [layer for layer in _layers(port) if type(layer).__name__ == "Dropout"]
    wrong: dict[str, None] = {}
    for training in (True, False):
        told: list[tuple[str, Any]] = []
        for layer in dropouts:
            object.__setattr__(layer, "call", _recording(layer, told))
        try:
            port(arrays, **plain, training=training)
        finally:
            for layer in dropouts:
                object.__delattr__(layer, "call")
        wrong |= dict.fromkeys(name for name, value in told if value is not training)
    return f"not told: {', '.join(wrong)}" if wrong else ""


def _recording(layer: Any, told: list[tuple[str, Any]]) -> Callable[..., Any]:
    call = type(layer).call

    def recording(inputs: Any, training: Any = None) -> Any:
        told.append((layer.name, training))
        return call(layer, inputs, training=training)

    return recording


def _copies(port: Any) -> str:
    """A port for a tree says of nothing that it is copied: nothing there is what it was written from."""
    lines = _text(port).splitlines()
    said = [str(number) for number, line in enumerate(lines, 1) if line.lstrip().startswith("# Copied from")]
    return f"unchecked comments in lines {', '.join(said)}" if said else ""


def _text(port: Any) -> str:
    return Path(inspect.getfile(type(port))).read_text(encoding="utf-8")


def _unpacks(port: Any) -> str:
    """The `call` of a model and of a main layer is decorated, wherever it is defined."""
    classes = {node.name: node for node in ast.parse(_text(port)).body if isinstance(node, ast.ClassDef)}
    names = {type(port).__name__, *(type(layer).__name__ for layer in _layers(port) if _is_main(layer))}
    calls = [(name, each) for name in names & classes.keys() for each in classes[name].body]
    bare = [
        name
        for name, each in calls
        if isinstance(each, ast.FunctionDef) and each.name == "call"
        if "unpack_inputs" not in [ast.unparse(decorator) for decorator in each.decorator_list]
    ]
    return f"{', '.join(bare)}: call is not decorated" if bare else ""


def _is_main(layer: Any) -> bool:
    return bool(getattr(type(layer), "_keras_serializable", False))


def _serializable(port: Any) -> str:
    """A main layer is made again from its `get_config`; of a model that holds no other model, the model itself."""
    for layer in [layer for layer in _layers(port) if _is_main(layer)] or [port]:
        told = layer.get_config()
        again = type(layer).from_config(dict(told)).get_config()
        other = [path for path in _paths(told, again) if path]
        if other:
            return f"{type(layer).__name__} has another {', '.join(other)} after get_config and from_config"
    return ""


def _paths(told: Any, again: Any, path: str = "") -> Iterator[str]:
    """Where two configurations differ, as dotted names."""
    if isinstance(told, Mapping) and isinstance(again, Mapping):
        for name in {**told, **again}:
            yield from _paths(told.get(name), again.get(name), f"{path}.{name}".lstrip("."))
    elif told != again:
        yield path


def _formats(port: Any, inputs: Inputs) -> str:
    """The same result for inputs by keyword, in a dictionary, in a list and by position."""
    import tensorflow as tf

    arrays, plain = split(inputs)
    tensors = {name: tf.constant(value) if isinstance(value, np.ndarray) else value for name, value in arrays.items()}
    ordered = [tensors.get(name) for name in inspect.signature(port.call).parameters]
    while ordered and ordered[-1] is None:
        ordered.pop()
    expected = port(tensors, **plain)
    formats: dict[str, Callable[[], Any]] = {
        "keywords": lambda: port(**tensors, **plain),
        "list": lambda: port(ordered, **plain),
        "position": lambda: port(*ordered, **plain),
    }
    said = {name: _said(lambda call=call: _difference(expected, call())) for name, call in formats.items()}  # type: ignore[misc]
    return "; ".join(f"by {name}: {text}" for name, text in said.items() if text)


def _difference(expected: Any, given: Any) -> str:
    found = compare(expected, given)
    return "" if found.matches else found.sentence()
