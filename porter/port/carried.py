"""The file beside a port that holds what the port uses of porter's runtime, for a target that does not import it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import libcst as cst

from porter import runtime
from porter.base.errors import UsageError
from porter.base.render import render
from porter.base.version import __version__
from porter.gather.gathering import Library, gathered
from porter.gather.module_text import ModuleText
from porter.rewrite import Draft
from porter.rewrite.targets import Target
from porter.rewrite.text.format import format_code
from porter.rulebook.call import code_of
from porter.subject import Subject

_PACKAGE = Path(runtime.__file__).parents[1]


def carried_text(subject: Subject, draft: Draft, target: Target) -> str:
    """The text of the file.

    Raises:
        UsageError: the port uses something that this target does not have.
    """
    used = sorted(set(_used(draft, target)))
    whole = {name: sorted(_members(draft, target, name)) for name in used if name in runtime.MODULES}
    for name in used:
        if name in _NOT_CARRIED:
            raise _refusal(subject, draft, name, f"{name} of porter's runtime, {_NOT_CARRIED[name]}")
    wanted = [(_home(name), name) for name in used if name not in whole]
    wanted += [(f"porter.runtime.{runtime.MODULES[name]}", member) for name in whole for member in whole[name]]
    code = gathered(_library(target, draft, used), wanted)
    tree = cst.parse_module(code + _namespaces(whole)).visit(_Spelled(target.spelled))
    header = render("carried_header.py.j2", version=__version__, modeling=f"modeling_tf_{subject.name}.py")
    future, *rest = tree.body
    lines = ["import tensorflow as tf"]  # names of Keras 3 may have become its
    lines += ["from types import SimpleNamespace"] if whole else []
    body = [future, *map(cst.parse_statement, lines), *rest]
    text = format_code(header + tree.with_changes(body=body).code)
    check_keras(subject, draft, text)
    return text


_NOT_CARRIED: Mapping[str, str] = {
    "import_beside": "which looks for the port of another file beside this one: a tree has it in another folder"
}


def _members(draft: Draft, target: Target, module: str) -> frozenset[str]:
    """What a port reads of a module that it imports as such, or under another name beside a variable of this one."""
    tree = ast.parse(draft.code)
    called = {alias.asname or alias.name for alias in _imported(tree, target) if alias.name == module}
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    return frozenset(node.attr for node in nodes if isinstance(node.value, ast.Name) and node.value.id in called)


def _namespaces(modules: Mapping[str, Sequence[str]]) -> str:
    """What stands for modules in one file: `init.normal_` is as PyTorch's file has it."""
    texts = (f"{name} = SimpleNamespace({', '.join(f'{each}={each}' for each in modules[name])})" for name in modules)
    return "\n".join(["", *texts, ""])


def check_keras(subject: Subject, draft: Draft, carried: str) -> None:
    """Refuse a port that uses what Keras 2 does not have.

    Raises:
        UsageError: it does.
    """
    import tf_keras

    for name, _ in _asked_of_keras(draft.code):
        if not _has(tf_keras, name):
            raise _refusal(subject, draft, name, f"keras.{name}")
    for name, owner in _asked_of_keras(carried):
        if not _has(tf_keras, name):
            raise _refusal(subject, draft, owner, f"{owner} of porter's runtime, which uses keras.{name}")


def _refusal(subject: Subject, draft: Draft, name: str, what: str) -> UsageError:
    """Which line of the PyTorch file asks for what Keras 2 or the tree does not have."""
    last = name.rpartition(".")[2]
    lines = [at for at, text in enumerate(draft.code.splitlines(), 1) if last in text and at in draft.source_map]
    place = f"{subject.file.name}:{draft.source_map[lines[0]]}" if lines else subject.file.name
    return UsageError(
        f"Its port uses {what}, which --target transformers4 does not have. Nothing was written.",
        place=place,
        hint="--target standalone writes it for Keras 3",
    )


def _used(draft: Draft, target: Target) -> Iterator[str]:
    """The names of the runtime that a port imports."""
    yield from (alias.name for alias in _imported(ast.parse(draft.code), target))


def _imported(tree: ast.Module, target: Target) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{'.' * node.level}{node.module}" == target.runtime:
            yield from node.names


def _home(name: str) -> str:
    return f"porter.runtime.{runtime.HOMES.get(name, 'outputs')}"


@cache
def _stand_ins() -> tuple[ModuleText, ...]:
    files = sorted((_PACKAGE / "carried").glob("[!_]*.py"))
    return tuple(ModuleText(f"porter.carried.{file.stem}", file) for file in files)


def _library(target: Target, draft: Draft, used: Iterable[str]) -> Library:
    """The runtime, with the losses alone that classes of a port ask for by the ends of their names."""
    heads = any(runtime.HOMES.get(name) == "model.generic_heads" for name in used)
    asks = heads or "loss_function" in draft.code

    def keeps(kind: str) -> bool:
        return asks and (kind in draft.code or kind == "ForCausalLM")  # which is for all other names, too

    return Library("porter", _PACKAGE, target.modules, _stand_ins(), {"LOSS_MAPPING": keeps})


class _Spelled(cst.CSTTransformer):
    """Writes names of Keras 3 as another Keras has them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        new = self.names.get(code_of(original_node))
        return updated_node if new is None else cst.parse_expression(new)


def _asked_of_keras(code: str) -> Iterator[tuple[str, str]]:
    """What a text reads of `keras`, as `layers.Dense`, and the definition that reads it."""
    for statement in ast.parse(code).body:
        owner = getattr(statement, "name", "")
        for node in ast.walk(statement):
            name = _below_keras(node) if isinstance(node, ast.Attribute) else ""
            if name:
                yield name, owner


def _below_keras(node: ast.Attribute) -> str:
    inner = node.value
    if isinstance(inner, ast.Name):
        return node.attr if inner.id == "keras" else ""
    above = _below_keras(inner) if isinstance(inner, ast.Attribute) else ""
    return f"{above}.{node.attr}" if above else ""


def _has(module: Any, name: str) -> bool:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module is not None
