"""Calls of a port, eagerly and in a graph whose sizes are unknown."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from porter.subject.inputs.arrays import Inputs
from porter.subject.inputs.graph_signature import input_signature, split

NO_FLAGS: Mapping[str, bool] = MappingProxyType({})


def call_port(port: Any, inputs: Inputs, flags: Mapping[str, bool] = NO_FLAGS) -> Any:
    """Call a port: arrays in a mapping, plain values by keyword (Keras takes no mapping of both).

    `flags` are given where the port takes them.
    """
    arrays, plain = split(inputs)
    taken = inspect.signature(port.call).parameters
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    return port(arrays, **plain, **{name: value for name, value in flags.items() if takes_any or name in taken})


def in_graph(port: Any, inputs: Inputs, other: Inputs, flags: Mapping[str, bool]) -> Any:
    """Trace with the dimensions unknown that differ between the two inputs, run the other sizes, then these."""
    import tensorflow as tf

    (arrays, plain), (others, _) = split(inputs), split(other)
    signature = [input_signature(arrays, others)]
    graph = tf.function(lambda tensors: call_port(port, {**tensors, **plain}, flags), input_signature=signature)
    graph(others)
    return graph(arrays)
