"""Older opsets than the exporter writes, by onnx's version converter."""

from __future__ import annotations

import re
from typing import Any

from porter.base.errors import UsageError

OLDEST_EXPORTED = 18
"""The exporter takes older ones without a word, and gives this one."""
OLDEST = 10
"""Slices and pooling, which every model of transformers has some of, have no way back beyond it."""
_NO_ADAPTER = re.compile(r"No Adapter (?:From|To) Version \$\d+ for (\w+)")
_KEPT = "porter.kept"
FARTHEST = 2**62
NOOP = "noop_with_empty_axes"
KNOWN_SINCE = {NOOP: 18, "num_outputs": 18, "allowzero": 14}


def check_opset(opset: int) -> None:
    """Refuse an opset that cannot be written.

    Raises:
        UsageError: it is too old, or newer than what is installed knows.
    """
    import onnx

    newest = onnx.defs.onnx_opset_version()
    if not OLDEST <= opset <= newest:
        sentence = f"porter does not write opset {opset}; it writes {OLDEST} to {newest}."
        raise UsageError(sentence, hint=f"--opset {OLDEST_EXPORTED}")


def converted(model: Any, opset: int) -> Any:
    """An `onnx.ModelProto` in an older opset.

    Operations that are newer are replaced by their own definitions; those that only became more general, for which
    the converter knows no way back, stay as they are. Whether the file computes the same is for its comparison to say.

    Raises:
        UsageError: an operation cannot be expressed in that opset.
    """
    import onnx

    written = _opset_of(model)
    model = _inlined(model, opset)
    if opset < 15:
        _slice_shapes(model)
    _drop_new_attributes(model, opset)
    try:
        for step in range(written - 1, opset - 1, -1):
            model = _one_down(model, step)
        onnx.checker.check_model(model)
    except (RuntimeError, onnx.checker.ValidationError) as error:
        lacking = _NO_ADAPTER.search(str(error))
        what = f"{lacking[1]} has no form in it" if lacking else "onnx's converter does not take it"
        raise UsageError(
            f"The model cannot be written in opset {opset}: {what}.", hint=f"--opset {OLDEST_EXPORTED}"
        ) from error
    if _opset_of(model) != opset:
        raise UsageError(f"onnx's converter gives opset {_opset_of(model)} where {opset} was asked for.")
    return model


def _opset_of(model: Any) -> int:
    return next(int(entry.version) for entry in model.opset_import if not entry.domain)


def _one_down(model: Any, opset: int) -> Any:
    """The model in the opset before its own.

    Raises:
        RuntimeError: an operation has no form in it.
    """
    kept: set[str] = set()
    while True:
        try:
            return _convert(model, opset, kept)
        except RuntimeError as error:
            lacking = _NO_ADAPTER.search(str(error))
            if lacking is None or lacking[1] in kept or not _is_older(lacking[1], model, opset):
                raise
            kept.add(lacking[1])


def _convert(model: Any, opset: int, kept: set[str]) -> Any:
    """The converter passes by what is of another domain."""
    import onnx

    trial = onnx.ModelProto()
    trial.CopyFrom(model)
    trial.opset_import.append(onnx.helper.make_opsetid(_KEPT, 1))
    for node in trial.graph.node:
        if node.op_type in kept and not node.domain:
            node.domain = _KEPT
    found = onnx.version_converter.convert_version(trial, opset)
    for node in found.graph.node:
        if node.domain == _KEPT:
            node.domain = ""
    for entry in [entry for entry in found.opset_import if entry.domain == _KEPT]:
        found.opset_import.remove(entry)
    return found


def _is_older(operator: str, model: Any, opset: int) -> bool:
    """Whether the operator's form in an opset takes the inputs and attributes that the model's nodes have."""
    import onnx

    try:
        schema = onnx.defs.get_schema(operator, opset)
    except onnx.defs.SchemaError:
        return False
    nodes = [node for node in model.graph.node if node.op_type == operator]
    return all(
        schema.min_input <= len(node.input) <= schema.max_input
        and all(attribute.name in schema.attributes for attribute in node.attribute)
        for node in nodes
    )


def _inlined(model: Any, opset: int) -> Any:
    """Operations that came after an opset, replaced by their definitions where onnx has such."""
    import onnx
    from onnx.inliner import inline_selected_functions

    done: set[str] = set()
    while True:
        newer = []
        for name in sorted({node.op_type for node in model.graph.node if not node.domain} - done):
            schema = onnx.defs.get_schema(name, OLDEST_EXPORTED)
            if schema.since_version > opset and (schema.has_function or schema.has_context_dependent_function):
                newer.append(name)
        if not newer:
            return model
        done.update(newer)
        model = inline_selected_functions(model, [("", name) for name in newer], inline_schema_functions=True)


def _slice_shapes(model: Any) -> None:
    """Before opset 15 a `Shape` is always of all axes."""
    import onnx

    nodes = []
    for node in model.graph.node:
        bounds = {attribute.name: attribute.i for attribute in node.attribute}
        if node.op_type != "Shape" or not bounds:
            nodes.append(node)
            continue
        whole = f"{node.output[0]}_all"
        ends = []
        for name, default in (("start", 0), ("end", FARTHEST)):
            ends.append(f"{whole}_{name}")
            model.graph.initializer.append(
                onnx.helper.make_tensor(ends[-1], onnx.TensorProto.INT64, [1], [bounds.get(name, default)])
            )
        nodes.append(onnx.helper.make_node("Shape", node.input, [whole]))
        nodes.append(onnx.helper.make_node("Slice", [whole, *ends], node.output))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _drop_new_attributes(model: Any, opset: int) -> None:
    """Attributes that an opset does not know, where they make no difference to tensors that are not empty."""
    for node in model.graph.node:
        for attribute in list(node.attribute):
            if opset < KNOWN_SINCE.get(attribute.name, 0) and not (attribute.name == NOOP and attribute.i):
                node.attribute.remove(attribute)
