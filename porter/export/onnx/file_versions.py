"""Other versions of an ONNX file beside it: fused for onnxruntime, and with weights of eight bits."""

from __future__ import annotations

import logging
import os
from collections import Counter
from pathlib import Path

from porter.base.errors import UsageError
from porter.base.reasons import reason
from porter.export.onnx.flattened_products import unflatten_products

FUSED_FOR = "cpu"
DYNAMIC = "dynamic"
"""The only quantization that needs no samples: others, calibrated on a few, give garbage."""


def beside(file: Path, label: str) -> Path:
    """`model-optimized.onnx` for `model.onnx`."""
    return file.with_name(f"{file.stem}-{label}{file.suffix}")


def write_optimized(file: Path, external: bool) -> tuple[Path, dict[str, int]]:
    """Write the graph fused into onnxruntime's own operations by transformers' fusions.

    Args:
        file: an ONNX file.
        external: whether the weights go to a file beside.

    Returns:
        The new file, and how many of each fused operation it has.

    Raises:
        UsageError: the fusions do not take the graph.
    """
    import onnx_ir
    from transformers.exporters.onnxruntime_fusions import fuse_for_onnxruntime

    model = onnx_ir.load(file)
    before = Counter(node.op_type for node in model.graph)
    unflatten_products(model)
    try:
        fuse_for_onnxruntime(model, FUSED_FOR)
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise UsageError(f"The graph cannot be optimized: {reason(error)}", hint="leave --optimize out") from error
    fused = Counter(node.op_type for node in model.graph if node.domain) - before
    written = beside(file, "optimized")
    onnx_ir.save(model, written, external_data=f"{written.name}.data" if external else None)
    return written, dict(sorted(fused.items()))


def write_quantized(file: Path, external: bool) -> Path:
    """Write the graph with weights of eight bits, whose inputs are quantized while it runs."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    written = beside(file, "quantized")
    unshaped = _without_shapes(file)
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # it recommends a preprocessing that the exporter has done
    try:
        quantize_dynamic(
            os.fspath(unshaped),
            os.fspath(written),
            weight_type=QuantType.QInt8,
            per_channel=True,
            use_external_data_format=external,
        )
    finally:
        root.setLevel(level)
        unshaped.unlink()
    return written


def _without_shapes(file: Path) -> Path:
    """A copy beside it without the shapes of weights: the quantizer transposes some, and trips over what they were."""
    import onnx

    model = onnx.load(file, load_external_data=False)
    del model.graph.value_info[:]
    written = beside(file, "unshaped")
    onnx.save(model, written)
    return written
