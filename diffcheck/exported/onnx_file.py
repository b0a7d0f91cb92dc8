"""An ONNX file, run by onnxruntime; in float64, for which onnxruntime lacks kernels, by onnx' own evaluator."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.exported.graph import Array, Node, NotAnExport, Port, needed_for
from diffcheck.exported.library_errors import first_line

STANDARD = ("", "ai.onnx")
"""The domains of ONNX's own operations; those of onnxruntime's stand for several of them."""
_SCOPES = "pkg.torch.onnx.name_scopes"
_TRACE = "pkg.torch.onnx.stack_trace"
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxFile:
    """See :class:`diffcheck.exported.graph.Graph`. Weights in files beside it stay there until they are needed."""

    label = "ONNX"

    def __init__(self, path: Path) -> None:
        self.path = path
        import onnx
        from google.protobuf.message import DecodeError

        try:
            model = onnx.load(path, load_external_data=False)
            _check(path)
        except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
            raise NotAnExport(f"{path} is not an ONNX file: {first_line(error)}") from error
        if model.functions:
            from onnx.inliner import inline_local_functions

            model = inline_local_functions(model)
        self._model = model
        self._folder = path.parent
        self.nodes = [_node(proto) for proto in model.graph.node]
        weights = {tensor.name for tensor in model.graph.initializer}
        self.inputs = [_port(value) for value in model.graph.input if value.name not in weights]
        self.outputs = [_port(value) for value in model.graph.output]

    def constants(self) -> Iterator[tuple[str, Array]]:
        """The initializers that are given by value, and the values of constant nodes."""
        from onnx import numpy_helper

        for tensor in self._model.graph.initializer:
            yield tensor.name, numpy_helper.to_array(tensor, str(self._folder))
        for node in self._model.graph.node:
            for attribute in node.attribute:
                if node.op_type == "Constant" and attribute.name == "value":
                    yield node.output[0], numpy_helper.to_array(attribute.t, str(self._folder))

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], double: bool = False) -> list[Array]:
        """The values of tensors, computed from those of others, without onnxruntime's optimisations."""
        part = self._part(tuple(feeds), tuple(fetches))
        if double:
            return self._evaluate(part, feeds)
        for value, array in zip(part.graph.input, feeds.values(), strict=True):
            _set_type(value, array)
        return _run(_opened(part.SerializeToString(), self._folder, optimised=False), feeds)

    def deployed(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs of the file as it is, with onnxruntime's usual optimisations."""
        return _run(self._session, feeds)

    @functools.cached_property
    def _session(self) -> Any:
        return _opened(str(self.path), self._folder, optimised=True)

    def _evaluate(self, model: Any, feeds: Mapping[str, Array]) -> list[Array]:
        from onnx.reference import ReferenceEvaluator

        wide = {name: _widened(array) for name, array in feeds.items()}
        _widen(model, self._folder)
        for value, array in zip(model.graph.input, wide.values(), strict=True):
            _set_type(value, array)
        # numpy evaluates each node: what is missing or does not fit raises whatever the operation raises.
        try:
            found = ReferenceEvaluator(model).run(None, wide)
        except Exception as error:
            raise NotAnExport(f"onnx does not evaluate it in float64: {first_line(error)}") from error
        return [np.asarray(array) for array in found]

    def _part(self, feeds: tuple[str, ...], fetches: tuple[str, ...]) -> Any:
        """The graph between some tensors and others as a model of its own."""
        import onnx

        wanted = {id(node) for node in needed_for(self.nodes, set(feeds), fetches)}
        protos = [proto for proto, node in zip(self._model.graph.node, self.nodes, strict=True) if id(node) in wanted]
        read = {name for proto in protos for name in _read_by(proto)} | set(fetches)
        part = onnx.ModelProto()
        part.ir_version = self._model.ir_version
        part.opset_import.extend(self._model.opset_import)
        part.graph.name = "part"
        part.graph.node.extend(protos)
        part.graph.initializer.extend(tensor for tensor in self._model.graph.initializer if tensor.name in read)
        part.graph.input.extend(onnx.ValueInfoProto(name=name) for name in feeds)
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in fetches)
        return part


def _check(path: Path) -> None:
    """Let onnx look at a file; operations that onnxruntime alone has under ONNX's name are for onnxruntime to take.

    Raises:
        NotAnExport: onnxruntime does not take them.
        onnx.checker.ValidationError: there is something else wrong with it.
    """
    import onnx

    try:
        onnx.checker.check_model(str(path))
    except onnx.checker.ValidationError as error:
        if "No Op registered for" not in str(error):
            raise
        _opened(str(path), path.parent, optimised=False)


def _opened(model: str | bytes, folder: Path, optimised: bool) -> Any:
    """An onnxruntime session of a file or of a serialized model, whose weights may lie in files of the folder."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry(_WEIGHTS_FOLDER, str(folder))
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except _failures() as error:
        raise NotAnExport(f"onnxruntime stopped: {first_line(error)}") from error


def _run(session: Any, feeds: Mapping[str, Array]) -> list[Array]:
    wanted = {value.name for value in session.get_inputs()}
    try:
        found = session.run(None, {name: array for name, array in feeds.items() if name in wanted})
    except _failures() as error:
        raise NotAnExport(f"onnxruntime stopped: {first_line(error)}") from error
    return [np.asarray(array) for array in found]


def _failures() -> tuple[type[Exception], ...]:
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return tuple(getattr(state, name) for name in ("Fail", "InvalidArgument", "InvalidGraph", "NotImplemented",
                                                   "RuntimeException"))  # fmt: skip


def _node(proto: Any) -> Node:
    """A node; the newer exporter of PyTorch puts the scopes into its metadata, the older one into its name."""
    metadata = {entry.key: entry.value for entry in proto.metadata_props}
    scope: list[str] | None = None
    if _SCOPES in metadata:
        modules = ast.literal_eval(metadata[_SCOPES])[:-1]
        scope = modules[-1].split(".") if modules else []
    elif proto.name.startswith("/"):
        scope = [part for name in proto.name.split("/")[:-1] for part in name.split(".")]
    inputs = tuple(_read_by(proto))
    outputs = tuple(name for name in proto.output if name)
    named = None if scope is None else tuple(part for part in scope if part)
    attributes = {attribute.name: _shown(attribute) for attribute in proto.attribute}
    fused = proto.domain not in STANDARD
    return Node(proto.name, proto.op_type, named, inputs, outputs, metadata.get(_TRACE, ""), attributes, fused)


def _shown(attribute: Any) -> str:
    import onnx

    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, float):
        return f"{value:g}"
    plain = isinstance(value, int | bytes | list) and len(str(value)) < 40
    return (value.decode() if isinstance(value, bytes) else str(value)) if plain else "..."


def _read_by(proto: Any) -> Iterator[str]:
    """What a node reads, the graphs inside of it (of an If or a Loop) too."""
    yield from (name for name in proto.input if name)
    for attribute in proto.attribute:
        for graph in (attribute.g, *attribute.graphs):
            made = {name for node in graph.node for name in node.output}
            made |= {value.name for value in (*graph.input, *graph.initializer)}
            yield from (name for node in graph.node for name in _read_by(node) if name not in made)


def _port(value: Any) -> Port:
    import onnx

    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name if tensor.elem_type else ""
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    return Port(value.name, value.name, dtype, tuple(sizes) if tensor.HasField("shape") else None)


def _set_type(value: Any, array: Array) -> None:
    import onnx

    kind = onnx.helper.np_dtype_to_tensor_dtype(array.dtype)
    value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, [None] * array.ndim))


def _widen(model: Any, folder: Path) -> None:
    """Every float32 constant and every cast to it becomes float64."""
    import onnx
    from onnx import numpy_helper

    single, double = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:  # the evaluator reads no other file
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor, str(folder)), tensor.name))
    constants = [(tensor, tensor.name) for tensor in model.graph.initializer]
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                constants.append((attribute.t, attribute.t.name))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == single:
                attribute.i = double
    for tensor, name in constants:
        if tensor.data_type == single:
            tensor.CopyFrom(numpy_helper.from_array(_widened(numpy_helper.to_array(tensor, str(folder))), name))


def _widened(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype == np.float32 else array
