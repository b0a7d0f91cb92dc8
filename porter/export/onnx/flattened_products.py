"""Products of flattened rows, as `addmm` writes them: without the reshaping they are what fusions look for."""

from __future__ import annotations

from typing import Any


def unflatten_products(model: Any) -> int:
    """Replace `Reshape(Gemm(Reshape(x), weight, bias))` by `x @ weight + bias` where only the last size changes.

    The fusions of onnxruntime's operations take the reshaped tensor for the one before it, and leave a graph that
    cannot be loaded; without the reshaping they also find more.

    Args:
        model: an `onnx_ir.Model`, which is changed.

    Returns:
        How many were replaced.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    replaced = 0
    for node in list(model.graph):
        if node.op_type == "Gemm" and not node.domain and _is_plain(node):
            replaced += _unflattened(model.graph, node)
    RemoveUnusedNodesPass()(model)
    return replaced


def _is_plain(node: Any) -> bool:
    """Whether a `Gemm` is a product of its inputs as they are, and a sum."""
    usual = {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0}
    return len(node.inputs) == 3 and all(
        attribute.value == usual.get(name) for name, attribute in node.attributes.items()
    )


def _unflattened(graph: Any, node: Any) -> int:
    import onnx_ir

    flat, weight, bias = node.inputs
    source, uses = flat.producer(), node.outputs[0].uses()
    after = uses[0].node if len(uses) == 1 and not node.outputs[0].is_graph_output() else None
    if source is None or after is None or {source.op_type, after.op_type} != {"Reshape"}:
        return 0
    rows, result = source.inputs[0], after.outputs[0]
    if not _same_rows(rows, result):
        return 0
    made = []
    if len(rows.shape) != len(result.shape):  # heads are merged by the same reshaping
        made.append(_merged(graph, rows, flat, len(result.shape)))
        rows = made[0].outputs[0]
    product = onnx_ir.node("MatMul", [rows, weight], metadata_props=node.metadata_props)
    total = onnx_ir.node("Add", [product.outputs[0], bias], metadata_props=node.metadata_props)
    product.outputs[0].name, total.outputs[0].name = f"{node.outputs[0].name}_product", f"{result.name}_sum"
    for value in (product.outputs[0], total.outputs[0]):
        value.shape, value.type = result.shape, result.type
    graph.insert_before(node, [*made, product, total])
    onnx_ir.convenience.replace_all_uses_with(result, total.outputs[0], replace_graph_outputs=True)
    return 1


def _merged(graph: Any, rows: Any, flat: Any, rank: int) -> Any:
    """A node that makes one size of all that follow the rows."""
    import numpy as np
    import onnx_ir

    sizes = onnx_ir.tensor(np.array([0] * (rank - 1) + [-1], np.int64), name=f"{flat.name}_sizes")
    constant = onnx_ir.Value(
        name=sizes.name, const_value=sizes, type=onnx_ir.TensorType(sizes.dtype), shape=sizes.shape
    )
    graph.register_initializer(constant)
    node = onnx_ir.node("Reshape", [rows, constant])
    node.outputs[0].name, node.outputs[0].type = f"{flat.name}_rows", flat.type
    node.outputs[0].shape = onnx_ir.Shape([*rows.shape[: rank - 1], flat.shape[-1]])
    return node


def _same_rows(before: Any, after: Any) -> bool:
    """Whether two tensors are of the same rows, so that a row is all that follows in the first."""
    if before.shape is None or after.shape is None or not 3 <= len(after.shape) <= len(before.shape):
        return False
    return all(str(mine) == str(own) for mine, own in zip(before.shape, after.shape[:-1], strict=False))
