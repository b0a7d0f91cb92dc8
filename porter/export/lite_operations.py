"""Operations of TensorFlow that TFLite lacks, or computes otherwise, as those that it has; the written file is run.

A graph for TFLite has one size, so that what is computed of sizes and positions alone becomes a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from porter.export.ported_side import Frozen

Operation = Any
"""A `tf.Operation`, with its inputs and attributes."""
LARGEST = 2**31 - 1


def for_lite(graph: Frozen) -> Frozen:
    """The same graph, each operation of :data:`REPLACED` as a call of the function that stands for it."""
    import tensorflow as tf

    definition = graph.function.graph.as_graph_def()
    nodes = {node.name: node for node in definition.node}
    operations = [each for each in graph.function.graph.get_operations() if each.type in REPLACED]
    changed = [each for each in operations if _replaced(each, nodes[each.name], definition.library)]
    if not changed:
        return graph
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(definition, name=""), [])
    names = ([tensor.name for tensor in each] for each in (graph.function.inputs, graph.function.outputs))
    inputs, outputs = ([wrapped.graph.get_tensor_by_name(name) for name in own] for own in names)
    return replace(graph, function=wrapped.prune(inputs, outputs))


def _replaced(operation: Operation, node: Any, library: Any) -> bool:
    """Make a node a call of a function that is put into the library; False where TFLite has the operation as it is."""
    import tensorflow as tf

    body = REPLACED[operation.type](operation)
    if body is None:
        return False
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in operation.inputs]
    function = tf.function(body, autograph=False).get_concrete_function(*specs)
    library.function.append(function.function_def)
    node.op = "PartitionedCall"
    node.attr.clear()
    node.attr["Tin"].list.type.extend(spec.dtype.as_datatype_enum for spec in specs)
    node.attr["Tout"].list.type.extend(tensor.dtype.as_datatype_enum for tensor in operation.outputs)
    node.attr["f"].func.name = function.function_def.signature.name
    return True


def _division(operation: Operation) -> Callable[..., Any] | None:
    """TFLite divides whole numbers of 32 bits only: sizes and positions fit into them."""
    import tensorflow as tf

    if operation.get_attr("T") != tf.int64:
        return None
    return lambda left, right: tf.cast(tf.cast(left, tf.int32) // tf.cast(right, tf.int32), tf.int64)


def _slice_update(operation: Operation) -> Callable[..., Any]:
    """A slice of the positions says what is written where."""
    import tensorflow as tf

    masks = {name: operation.get_attr(name) for name in ("begin_mask", "end_mask")}

    def body(tensor: Any, begin: Any, end: Any, strides: Any, values: Any) -> Any:
        shape = tf.shape(tensor)
        positions = tf.reshape(tf.range(tf.reduce_prod(shape)), shape)
        bounds = [tf.cast(tf.clip_by_value(each, -LARGEST, LARGEST), tf.int32) for each in (begin, end, strides)]
        part = tf.raw_ops.StridedSlice(input=positions, begin=bounds[0], end=bounds[1], strides=bounds[2], **masks)
        places = tf.reshape(part, [-1, 1])
        order = tf.tensor_scatter_nd_update(tf.fill([tf.size(positions)], -1), places, tf.range(tf.size(part)))
        found = tf.gather(tf.reshape(values, [-1]), tf.maximum(order, 0))
        return tf.reshape(tf.where(order >= 0, found, tf.reshape(tensor, [-1])), shape)

    return body


def _scatter_update(operation: Operation) -> Callable[..., Any] | None:
    """TFLite multiplies what stays by 1 and what goes by 0, which makes NaN of infinity; here it is chosen."""
    import tensorflow as tf

    if not operation.inputs[0].dtype.is_floating:
        return None

    def body(tensor: Any, places: Any, values: Any) -> Any:
        hits = tf.scatter_nd(places, tf.ones_like(values, tf.int32), tf.shape(tensor, places.dtype))
        return tf.where(hits > 0, tf.scatter_nd(places, values, tf.shape(tensor, places.dtype)), tensor)

    return body


REPLACED: Mapping[str, Callable[[Operation], Callable[..., Any] | None]] = {
    "FloorDiv": _division,
    "TensorStridedSliceUpdate": _slice_update,
    "TensorScatterUpdate": _scatter_update,
}
"""What stands for an operation: the function of its inputs, or None where TFLite has it as it is."""
