"""Weights that an exporter writes twice, stored once: equal ones, and one that is another transposed."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

SMALLEST = 1024
"""Elements of a weight below which a second copy costs less than an operation."""


def share_weights(model: Any) -> int:
    """Store tied weights once; a head that is the embedding transposed becomes a `Transpose` of it.

    Args:
        model: an `onnx_ir.Model`, which is changed.

    Returns:
        The bytes that the file is smaller for it.
    """
    import onnx_ir

    first: dict[str, Any] = {}
    saved = 0
    for value in list(model.graph.initializers.values()):
        tensor = value.const_value
        if tensor is None or tensor.size < SMALLEST:
            continue
        array = tensor.numpy()
        kept = first.setdefault(_digest(array), value)
        if kept is not value:
            onnx_ir.convenience.replace_all_uses_with(value, kept, replace_graph_outputs=True)
        elif array.ndim == 2 and (other := first.get(_digest(array.T))) not in (None, value):
            node = onnx_ir.node("Transpose", [other], {"perm": [1, 0]})
            node.outputs[0].name = f"{value.name}_transposed"
            node.outputs[0].shape, node.outputs[0].type = value.shape, value.type
            model.graph.insert_before(model.graph[0], node)
            onnx_ir.convenience.replace_all_uses_with(value, node.outputs[0], replace_graph_outputs=True)
        else:
            continue
        saved += tensor.nbytes
        del model.graph.initializers[value.name]
    return saved


def _digest(array: np.ndarray[Any, Any]) -> str:
    shape = repr((array.shape, array.dtype.str)).encode()
    return hashlib.blake2b(
        np.ascontiguousarray(array).data, key=hashlib.blake2b(shape, digest_size=32).digest()
    ).hexdigest()
