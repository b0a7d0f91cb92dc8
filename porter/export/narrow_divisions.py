"""Divisions of int64, which TFLite does not have, in 32 bits: sizes and positions fit, and the file is run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from porter.export.ported_side import Frozen

DIVISION = "FloorDiv"


def narrowed(graph: Frozen) -> Frozen:
    """The same graph, its divisions of int64 computed in int32 between two casts."""
    import tensorflow as tf

    definition = graph.function.graph.as_graph_def()
    wide = tf.int64.as_datatype_enum
    divisions = [node for node in definition.node if node.op == DIVISION and node.attr["T"].type == wide]
    if not divisions:
        return graph
    for node in divisions:
        _narrow(definition, node)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    names = ([tensor.name for tensor in each] for each in (graph.function.inputs, graph.function.outputs))
    inputs, outputs = ([wrapped.graph.get_tensor_by_name(name) for name in own] for own in names)
    return replace(graph, function=wrapped.prune(inputs, outputs))


def _narrow(definition: Any, node: Any) -> None:
    """Put a division in 32 bits before a node, which becomes the cast back."""
    import tensorflow as tf

    wide, narrow = tf.int64.as_datatype_enum, tf.int32.as_datatype_enum
    division = definition.node.add()
    division.CopyFrom(node)
    division.name = f"{node.name}/narrow"
    division.attr["T"].type = narrow
    del division.input[:]
    for number, source in enumerate(node.input):
        cast = definition.node.add(name=f"{division.name}_{number}", op="Cast", input=[source])
        cast.attr["SrcT"].type, cast.attr["DstT"].type = wide, narrow
        division.input.append(cast.name)
    node.op = "Cast"
    del node.input[:]
    node.input.append(division.name)
    node.attr.clear()
    node.attr["SrcT"].type, node.attr["DstT"].type = narrow, wide
