"""A SavedModel, frozen so that every operation stands in one graph; in float64 the graph is rewritten."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diffcheck.exported.graph import Array, Node, NotAnExport, Port
from diffcheck.exported.library_errors import first_line

SIGNATURE = "serving_default"


class SavedModel:
    """See :class:`diffcheck.exported.graph.Graph`.

    Args:
        path: its folder.
        signature: which one is run; empty: ``serving_default``, else the only one.

    Raises:
        NotAnExport: the folder holds none, or has no such signature.
    """

    label = "SavedModel"

    def __init__(self, path: Path, signature: str = "") -> None:
        self.path = path
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        try:
            self._loaded = tf.saved_model.load(str(path))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise NotAnExport(f"{path} is not a SavedModel: {first_line(error)}") from error
        signatures = dict(self._loaded.signatures)
        wanted = signature or SIGNATURE
        if wanted not in signatures and (signature or len(signatures) != 1):
            named = ", ".join(signatures) or "none"
            raise NotAnExport(f"{path} has no signature {wanted}; it has {named}.")
        self._signature = signatures.get(wanted) or next(iter(signatures.values()))
        self._frozen = convert_variables_to_constants_v2(self._signature)
        self._sessions: dict[bool, Any] = {}
        operations = _sorted(self._frozen.graph.get_operations())
        self.nodes = [_node(operation) for operation in operations if operation.type != "Const"]
        self._constants = [operation for operation in operations if operation.type == "Const"]
        self._keywords = {tensor.name: tensor.op.name for tensor in self._frozen.inputs}
        public = _names(self._signature.structured_input_signature[1])
        self.inputs = [_port(public.get(tensor.op.name, tensor.op.name), tensor) for tensor in self._frozen.inputs]
        names = sorted(self._signature.structured_outputs)
        self.outputs = [_port(name, tensor) for name, tensor in zip(names, self._frozen.outputs, strict=True)]

    def constants(self) -> Iterator[tuple[str, Array]]:
        """Former variables and constants."""
        import tensorflow as tf

        for operation in self._constants:
            yield operation.outputs[0].name, tf.make_ndarray(operation.get_attr("value"))

    def run(self, feeds: Mapping[str, Array], fetches: Sequence[str], double: bool = False) -> list[Array]:
        """The values of tensors, computed from those of others."""
        import tensorflow as tf

        session = self._session(double)
        graph = session.graph
        given = {graph.get_tensor_by_name(name): array for name, array in feeds.items()}
        try:
            values = session.run(
                [graph.get_tensor_by_name(name) for name in fetches],
                {tensor: array.astype(tensor.dtype.as_numpy_dtype) for tensor, array in given.items()},
            )
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise NotAnExport(f"TensorFlow stopped: {first_line(error)}") from error
        return [np.asarray(value) for value in values]

    def deployed(self, feeds: Mapping[str, Array]) -> list[Array]:
        """The outputs of the signature as it is."""
        import tensorflow as tf

        given = {self._keywords[name]: tf.convert_to_tensor(array) for name, array in feeds.items()}
        try:
            values = self._signature(**given)
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise NotAnExport(f"TensorFlow stopped: {first_line(error)}") from error
        return [values[port.name].numpy() for port in self.outputs]

    def _session(self, double: bool) -> Any:
        """The frozen graph, ready to run any part of it; with ``double`` every float32 in it is a float64."""
        import tensorflow as tf

        if double not in self._sessions:
            definition = self._frozen.graph.as_graph_def()
            for node in definition.node if double else ():
                _widen(node)
            with tf.Graph().as_default() as graph:
                try:
                    tf.graph_util.import_graph_def(definition, name="")
                except (ValueError, tf.errors.OpError) as error:
                    raise NotAnExport(f"TensorFlow does not run it in float64: {first_line(error)}") from error
            # Each set of fetches would be optimised anew, which takes longer than to run it.
            config = tf.compat.v1.ConfigProto()
            config.graph_options.rewrite_options.disable_meta_optimizer = True
            config.graph_options.optimizer_options.opt_level = -1
            self._sessions[double] = tf.compat.v1.Session(graph=graph, config=config)
        return self._sessions[double]


def _names(keywords: Mapping[str, Any]) -> dict[str, str]:
    """What a signature calls its inputs, by the keywords that Python has for them, in which a dot is a line below."""
    told = {keyword: getattr(spec, "name", None) or keyword for keyword, spec in keywords.items()}
    return {keyword: name for keyword, name in told.items() if re.sub(r"\W", "_", name) == keyword}


def _sorted(operations: Sequence[Any]) -> list[Any]:
    """Producers before consumers: a frozen graph is not in that order."""
    done: dict[str, Any] = {}
    for operation in operations:
        waiting = [(operation, False)]
        while waiting:
            current, ready = waiting.pop()
            if current.name in done:
                continue
            if ready:
                done[current.name] = current
                continue
            waiting.append((current, True))
            waiting += [(tensor.op, False) for tensor in current.inputs if tensor.op.name not in done]
    return list(done.values())


def _node(operation: Any) -> Node:
    return Node(
        operation.name,
        operation.type,
        tuple(operation.name.split("/")[:-1]),
        tuple(tensor.name for tensor in operation.inputs),
        tuple(tensor.name for tensor in operation.outputs),
    )


def _port(name: str, tensor: Any) -> Port:
    shape = None if tensor.shape.rank is None else tuple(tensor.shape.as_list())
    return Port(name, tensor.name, tensor.dtype.name, shape)


def _widen(node: Any) -> None:
    import tensorflow as tf

    single, double = tf.float32.as_datatype_enum, tf.float64.as_datatype_enum
    for attribute in node.attr.values():
        if attribute.type == single:
            attribute.type = double
        if attribute.HasField("list"):
            attribute.list.type[:] = [double if kind == single else kind for kind in attribute.list.type]
        if attribute.HasField("tensor") and attribute.tensor.dtype == single:
            attribute.tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(attribute.tensor).astype(np.float64)))
