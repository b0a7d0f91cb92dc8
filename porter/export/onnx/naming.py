"""Names in an exported graph: axes as people call them, caches as onnxruntime's users know them, no local paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from porter.export.axes import Axes

SCOPES = "pkg.torch.onnx.name_scopes"
"""Of which module of PyTorch's an operation is: `porter diff` reads it. All else in the metadata goes."""
_SYMBOL = re.compile(r"\b[A-Za-z_]\w*\b")


def tidy(model: Any, axes: Mapping[str, Axes], rename: Callable[[str, str], str | None]) -> None:
    """Name the ports and the axes of a graph, and remove what the exporter noted of this machine.

    Args:
        model: an `onnx_ir.Model`, which is changed.
        axes: the axes of the inputs by the file's input names.
        rename: the file's name for one of PyTorch's inputs or outputs; a port for which it gives None is left out.
    """
    from onnx_ir.passes.common import RemoveUnusedNodesPass

    graph = model.graph
    for values, prefix in ((graph.inputs, "past_key_values"), (graph.outputs, "present")):
        for value in list(values):
            name = rename(value.name.removeprefix("input.").removeprefix("output."), prefix)
            if name is None and prefix == "present":
                values.remove(value)
            elif name is not None:
                value.name = name
    RemoveUnusedNodesPass()(model)
    for value in list(graph.inputs):
        if not value.uses() and rename(value.name, "past_key_values") is None:
            graph.inputs.remove(value)
    name_axes(model, axes)
    strip(model)


def name_axes(model: Any, axes: Mapping[str, Axes]) -> None:
    """Give the symbols of sizes, as `s72`, the names of the axes of inputs, wherever they stand."""
    _settle(model)
    named: dict[str, str] = {}
    for value in model.graph.inputs:
        for axis, label in axes.get(value.name, {}).items():
            if value.shape is not None and axis < len(value.shape) and not isinstance(value.shape[axis], int):
                named.setdefault(str(value.shape[axis].value), label)
                value.shape[axis] = label
    for value in _values(model):
        for axis, size in enumerate(value.shape or ()):
            text = None if isinstance(size, int) else size.value
            if text is not None:
                value.shape[axis] = _SYMBOL.sub(lambda symbol: named.get(symbol[0], symbol[0]), text)


def _settle(model: Any) -> None:
    """Make numbers of sizes that are numbers: what a loop over the length has fixed is written as the text `7`."""
    for value in _values(model):
        for axis, size in enumerate(value.shape or ()):
            if not isinstance(size, int) and (size.value or "").isdecimal():
                value.shape[axis] = int(size.value)


def _values(model: Any) -> Iterator[Any]:
    yield from model.graph.inputs
    for node in model.graph.all_nodes():
        yield from node.outputs


def strip(model: Any) -> None:
    """Remove stack traces and doc strings, which hold paths of the machine that exported; modules' names stay."""
    for thing in (model, model.graph, *model.graph.initializers.values(), *_values(model), *model.graph.all_nodes()):
        scopes = thing.metadata_props.get(SCOPES)
        thing.metadata_props.clear()
        thing.doc_string = None
        if scopes is not None:
            thing.metadata_props[SCOPES] = scopes
