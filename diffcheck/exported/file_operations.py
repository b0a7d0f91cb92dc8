"""Operations of a SavedModel that reach beyond its own numbers: files, Python functions, other machines.

A SavedModel is a program. What it would do is read out of its file before TensorFlow loads it, which runs parts of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from diffcheck.exported.graph import NotAnExport

# An operation reaches out if one of its inputs or attributes is called so, or if it is itself.
_ARGUMENT = re.compile(
    r"(^|_)(file|filenames?|path|logdir|dir|directory|urls?|uri|address|prefix|prefixes|descriptor_source"
    r"|memory_region_name)(_|$)"
)
_NAME = re.compile(r"PyFunc|Reader|MatchingFiles|SummaryWriter|Rpc|FileSystem|^Tpu|^XlaHost")
_STREAMS = (b"", b"stdout", b"stderr", b"log(info)", b"log(warning)", b"log(error)")


def file_operations(folder: Path) -> list[str]:
    """The kinds of such operations that loading or running the SavedModel could come to, in order of their names.

    What saves and restores the variables is left aside, as long as nothing else calls it.

    Raises:
        NotAnExport: the file cannot be read.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        if (folder / "saved_model.pb").is_file():
            model.ParseFromString((folder / "saved_model.pb").read_bytes())
        else:
            from google.protobuf import text_format

            text_format.Parse((folder / "saved_model.pbtxt").read_text(encoding="utf-8"), model)
    except Exception as error:
        raise NotAnExport(f"{folder} is not a SavedModel: its description cannot be read.") from error
    return sorted({node.op for graph in model.meta_graphs for node in _reached(graph) if _reaches_out(node)})


def _reached(graph: Any) -> Iterator[Any]:
    """The nodes behind signatures, initialisers and the functions that objects of the model are called by."""
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    nodes = {node.name: node for node in graph.graph_def.node}
    ends = [info.name for signature in graph.signature_def.values() for info in signature.outputs.values()]
    ends += [name for key, found in graph.collection_def.items() if "op" in key for name in found.node_list.value]
    waiting = [nodes[name] for name in map(_node_name, ends) if name in nodes]
    called = list(graph.object_graph_def.concrete_functions)
    called += [gradient.gradient_func for gradient in graph.graph_def.library.gradient]
    seen: set[str] = set()
    while waiting or called:
        for name in called:
            if name in functions and f"function {name}" not in seen:
                seen.add(f"function {name}")
                waiting += functions[name].node_def
        called = []
        for node in waiting:
            yield node
            called += _functions_of(node)
        named = {_node_name(name) for node in waiting for name in node.input if node.name in nodes}
        waiting = [nodes[name] for name in named - seen if name in nodes]
        seen |= named


def _node_name(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]


def _functions_of(node: Any) -> Iterator[str]:
    for value in node.attr.values():
        yield from (found.name for found in (value.func, *value.list.func) if found.name)


def _reaches_out(node: Any) -> bool:
    from tensorflow.python.framework import op_def_registry

    if node.op == "PrintV2":
        return node.attr["output_stream"].s not in _STREAMS
    definition = op_def_registry.get(node.op)
    if definition is None:  # not of TensorFlow, and loading it fails
        return True
    names: Iterable[str] = (part.name for part in (*definition.input_arg, *definition.attr))
    return bool(_NAME.search(node.op)) or any(_ARGUMENT.search(name) for name in names)
