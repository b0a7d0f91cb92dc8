"""What the file of a port defines, as its text says: read by the files that import it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from porter.rewrite import NestedPort
from porter.runtime.model.beside import main_layer
from porter.runtime.model.recorded import RECORDED

Function = ast.FunctionDef | ast.AsyncFunctionDef


def ported_definitions(file: Path) -> dict[str, NestedPort]:
    """The classes and functions of a port, by the names that PyTorch's file has for them."""
    nodes = ast.parse(file.read_text(encoding="utf-8")).body
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    found = {}
    for name in classes:
        torch_name = name.removeprefix("TF")
        layer = next(one for one in (main_layer(torch_name), name) if one in classes)
        found[torch_name] = NestedPort(file.stem, name, layer, _parameters(classes, layer), _builds(classes, name))
    for node in nodes:
        if isinstance(node, Function):
            found[node.name] = NestedPort(file.stem, node.name, node.name, _named(node.args))
    return found


def _parameters(classes: Mapping[str, ast.ClassDef], name: str) -> tuple[str, ...]:
    """The parameters of a class's `call`, its own or the first that its bases in the file have."""
    node = classes.get(name)
    if node is None:
        return ()
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "call":
            names = _named(statement.args)[1:]
            return names if statement.args.kwarg is None else (*names, *RECORDED)
    found = (_parameters(classes, base.id) for base in node.bases if isinstance(base, ast.Name))
    return next((parameters for parameters in found if parameters), ())


def _builds(classes: Mapping[str, ast.ClassDef], name: str) -> bool:
    """Whether a class has a `build`, its own or one of its bases in the file."""
    node = classes.get(name)
    if node is None:
        return False
    own = any(isinstance(statement, ast.FunctionDef) and statement.name == "build" for statement in node.body)
    return own or any(_builds(classes, base.id) for base in node.bases if isinstance(base, ast.Name))


def _named(arguments: ast.arguments) -> tuple[str, ...]:
    return tuple(node.arg for node in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
