"""An ONNX file of the TensorFlow port, by tf2onnx."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from porter.base.errors import UsageError
from porter.base.installed import need
from porter.base.quiet import native_stderr_held_back
from porter.base.reasons import reason
from porter.export.ported_side import frozen
from porter.subject.inputs.trials import Trial
from porter.weights.formats.served_model import signature_of


def check_convertible(opset: int) -> None:
    """Refuse an opset that the port is not converted to.

    Raises:
        UsageError: tf2onnx does not write it.
        NotInstalled: tf2onnx is not there.
    """
    need("tf2onnx")
    from tf2onnx.constants import OPSET_TO_IR_VERSION

    if opset not in OPSET_TO_IR_VERSION:
        newest = max(OPSET_TO_IR_VERSION)
        raise UsageError(f"tf2onnx does not write opset {opset}.", hint=f"--opset {newest} is the newest it has")


def write_from_port(model: Any, trials: Sequence[Trial], opset: int, file: Path) -> None:
    """Convert the frozen graph of a Keras model, with any batch and length, and write it.

    Args:
        model: the Keras model.
        trials: inputs in several sizes; sizes in which they differ may change in the file.
        opset: of the file, one that :func:`check_convertible` lets pass.
        file: where to.

    Raises:
        UsageError: tf2onnx does not take the graph.
    """
    import onnx

    graph = frozen(model, signature_of(trials))
    inputs = [f"{name}:0" for name in graph.inputs]
    outputs = [tensor.name for tensor in graph.function.outputs]
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with native_stderr_held_back(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = _converted(graph, inputs, outputs, opset)
    finally:
        logger.setLevel(level)
    onnx.save(found, file)


def _converted(graph: Any, inputs: list[str], outputs: list[str], opset: int) -> Any:
    """The ONNX model of a graph.

    Raises:
        UsageError: tf2onnx does not take it.
    """
    import tf2onnx

    definition = graph.function.graph.as_graph_def()
    renamed = _names(graph, inputs, outputs)
    try:
        found, _ = tf2onnx.convert.from_graph_def(
            definition, input_names=inputs, output_names=outputs, opset=opset, tensors_to_rename=renamed
        )
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise UsageError(
            f"tf2onnx does not take the port: {reason(error)}", hint="--framework pt exports PyTorch's model"
        ) from error
    return found


def _names(graph: Any, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, str]:
    """tf2onnx's tensors, and what the file calls them."""
    return dict(zip((*inputs, *outputs), (*graph.inputs, *graph.outputs), strict=True))
